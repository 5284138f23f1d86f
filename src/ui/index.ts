export { Lookout } from "./lookout.ts";
export { StatusPage } from "./status-page.ts";
