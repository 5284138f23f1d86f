import { Option } from "commander";
import { localWakeUps, type WakeUps } from "../../index.ts";
import { CommandError, EXIT } from "../exit-codes.ts";

const CHANNELS = ["local", "off"];
const VARIABLE = "AZMUTEX_WAKE_UPS";

/** For commands that wait for locks, or hold them. */
export const wakeUpsOption = (): Option =>
  new Option("--wake-ups <channel>", "how waiters are told of a release: local, on this machine, or off")
    .choices(CHANNELS)
    .argParser((text) => checked(text, "--wake-ups"))
    .default(process.env[VARIABLE] || "local", `${VARIABLE}, or local`);

/** The channel that the command line or the environment names. Undefined of commands without one. */
export function wakeUpsFor(channel: string | undefined): WakeUps | undefined {
  if (channel === undefined || checked(channel, VARIABLE) === "off") return undefined;
  return localWakeUps();
}

/** What is wrong is not quoted: the address of a server may have a password in it. */
function checked(channel: string, name: string): string {
  if (CHANNELS.includes(channel)) return channel;
  const others = "; programs have channels over Redis, PostgreSQL and NATS, by azmutex/wake-ups";
  throw new CommandError(`${name} must be local or off${channel.includes(":") ? others : ""}`, EXIT.usage);
}
