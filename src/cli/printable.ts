export { printable } from "../facts/printable.ts";
