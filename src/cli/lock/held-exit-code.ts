import { Option } from "commander";
import { wholeNumber } from "../options/whole-number.ts";

/** The highest exit code there is. */
const HIGHEST = 255;

export const heldExitCodeOption = (): Option =>
  new Option(
    "--held-exit-code <number>",
    "exit code if another holds the lock, 0 to 255; without --try and --timeout it has no effect (default: " +
      "75 with --try, 124 with --timeout)",
  ).argParser(wholeNumber(0, HIGHEST));
