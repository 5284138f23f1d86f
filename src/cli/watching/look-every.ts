import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../duration.ts";

const SHORTEST_MS = 500;

export const everyOption = (when = ""): Option =>
  new Option("--every <duration>", `${when}how often to look, at least 500ms`).default(2_000, "2s").argParser((text) => {
    const ms = parseDuration(text);
    if (ms < SHORTEST_MS) throw new InvalidArgumentError("It must be at least 500ms.");
    return ms;
  });
