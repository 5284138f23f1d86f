import { InvalidArgumentError, Option } from "commander";
import { type Duration, parseDuration } from "./duration.ts";

const SHORTEST_MS = 500;

export const everyOption = (when = ""): Option =>
  new Option("--every <duration>", `${when}how often to look, at least 500ms`)
    .default(parseDuration("2s"), "2s")
    .argParser((text): Duration => {
      const every = parseDuration(text);
      if (every.ms < SHORTEST_MS) throw new InvalidArgumentError("It must be at least 500ms.");
      return every;
    });
