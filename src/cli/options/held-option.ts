import { Option } from "commander";

export const heldOption = (): Option =>
  new Option("--held", "only those in use: held, with permits that are held, or read");
