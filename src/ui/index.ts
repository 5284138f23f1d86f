export { Lookout, type LookoutOptions } from "./lookout.ts";
export { StatusPage, type StatusPageOptions } from "./status-page.ts";
