import type { LockerOptions } from "azmutex";
import { parseDuration } from "../shared/duration.ts";

/** How the processes of a run wait for the lock. */
export interface Policy {
  /** As it stands on the command line. */
  readonly name: string;
  readonly options: LockerOptions;
  /** Whether processes tell each other of releases. */
  readonly isWoken: boolean;
}

export const POLICY_FORMS =
  "plain, woken (plain with wake-ups), fair, fair-woken, uniform:<from>-<to> (milliseconds) or fixed:<duration>";

/**
 * The policy of a name. Other libraries' ways to wait are options of our own polling: `uniform:250-1000` polls after a
 * time chosen evenly, `fixed:10s` always after the same. Throws `RangeError` for any other name.
 */
export function policyNamed(name: string): Policy {
  return { name, options: optionsOf(name), isWoken: name === "woken" || name === "fair-woken" };
}

function optionsOf(name: string): LockerOptions {
  if (name === "plain" || name === "woken") return {};
  if (name === "fair" || name === "fair-woken") return { fair: true };
  const [, from, to] = /^uniform:(\d+)-(\d+)$/.exec(name) ?? [];
  if (from !== undefined && to !== undefined && Number(from) <= Number(to)) return polling(Number(from), Number(to));
  const always = name.startsWith("fixed:") ? parseDuration(name.slice("fixed:".length)) : undefined;
  if (always !== undefined) return polling(always, always);
  throw new RangeError(`a policy is ${POLICY_FORMS}, not ${JSON.stringify(name)}`);
}

function polling(fromMs: number, toMs: number): LockerOptions {
  return { poll: { quickForMs: 0, steadyMs: [fromMs, toMs] } };
}
