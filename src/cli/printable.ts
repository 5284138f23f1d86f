export { printable } from "../status/printable.ts";
