import { Option } from "commander";
import { localWakeUps, type WakeUps } from "../../index.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { protocolOf } from "./servers/server-address.ts";

const CHANNELS = ["local", "off"];
const VARIABLE = "AZMUTEX_WAKE_UPS";
const OPTION = "--wake-ups";

/** For commands that wait for locks, or hold them. */
export const wakeUpsOption = (): Option =>
  new Option(
    `${OPTION} <channel>`,
    "how waiters are told of a release: local, on this machine; over a server, such as redis://host; or off",
  )
    .argParser((text) => withoutPassword(checked(text, OPTION)))
    .default(process.env[VARIABLE] || "local", `${VARIABLE}, or local`);

/**
 * The channel that the command line or the environment names. Undefined of commands without one. Throws a
 * {@link CommandError} if a package is missing. That a server does not answer is said once.
 */
export async function wakeUpsFor(channel: string | undefined): Promise<WakeUps | undefined> {
  if (channel === undefined || checked(channel, VARIABLE) === "off") return undefined;
  if (channel === "local") return localWakeUps();
  const { serverWakeUps } = await import("./servers/server-wake-ups.ts");
  return await serverWakeUps(channel);
}

/** What is wrong is not quoted: it may have a password in it. */
function checked(channel: string, name: string): string {
  if (CHANNELS.includes(channel) || protocolOf(channel) !== undefined) return channel;
  const servers = "the address of a server: redis://, rediss://, postgres:// or nats://";
  throw new CommandError(`${name} must be local, off or ${servers}`, EXIT.usage);
}

function withoutPassword(channel: string): string {
  if (CHANNELS.includes(channel) || !/@|password=/i.test(channel)) return channel;
  throw new CommandError(
    `${OPTION} must be an address without user and password; one with them goes into ${VARIABLE}`,
    EXIT.usage,
  );
}
