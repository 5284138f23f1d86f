import { seconds } from "../shared/duration.ts";
import type { Place } from "./place.ts";
import type { Verdict } from "./verdict.ts";

/** `azmutex break` by its exit codes; see docs/cli.md. */
const HELD = 75;
/** Go renews every ten seconds, and says that it could not. */
const GO_RENEWS_WITHIN_MS = 12_000;
const NOT_RENEWED = /^Could not renew/;

/** The service's code in what Go logs. */
function refusal(line: string): string {
  return /ERROR CODE: (\w+)/.exec(line)?.[1] ?? line.slice(0, 80);
}

/** Broken at once: we get in, and Go learns it at its next renewal. */
export async function brokenAtOnce(place: Place, verdict: Verdict): Promise<void> {
  const key = "broken-at-once";
  const mutex = place.mutex();
  const go = place.go();
  await go.do({ do: "lock", key });

  const spared = await place.command("break", key, "--if-holder", "another:1", "--yes");
  const { state } = await mutex.inspect(key);
  verdict.check(
    "azmutex break --if-holder leaves a Go holder alone: it has no name",
    spared.code === HELD && state === "leased",
    `${spared.code}: ${spared.output}`,
  );

  const broken = await place.command("break", key, "--after", "0s", "--yes");
  const lock = await mutex.locker(key, { leaseSeconds: 60 }).tryLock();
  verdict.check(
    "azmutex break --after 0s frees what Go holds",
    broken.code === 0 && broken.output.includes("broke the lease") && lock !== undefined,
    `${broken.code}: ${broken.output}`,
  );

  const line = await go.logged(NOT_RENEWED, GO_RENEWS_WITHIN_MS);
  const unlocked = await go.ask({ do: "unlock", key });
  verdict.check(
    "Go can neither renew nor release then",
    unlocked.kind === "failed",
    `renewal ${refusal(line)}, Unlock ${unlocked.code ?? unlocked.kind}`,
  );
  const after = await mutex.inspect(key);
  const isOurs = lock?.isHeld === true && after.isHeld && after.holder?.pid === process.pid;
  await lock?.release();
  verdict.check("and leaves our hold alone", isOurs, `${after.state}, held by ${after.holder?.name}`);
}

/** Broken as azmutex breaks by default: no process is in before Go's lease has ended. */
export async function brokenInTime(place: Place, verdict: Verdict): Promise<void> {
  const key = "broken-in-time";
  const mutex = place.mutex();
  const go = place.go();
  await go.do({ do: "lock", key });
  const { code, output } = await place.command("break", key, "--yes", "--json");
  const brokenAt = performance.now();
  // Standard error has a line for the log beside it.
  const answer = output.replaceAll(/^azmutex: .*$/gm, "");
  const { freeInSeconds } = JSON.parse(answer) as { freeInSeconds: number };
  const entered = mutex.locker(key).lock({ signal: place.stop });
  const refused = go.logged(NOT_RENEWED, GO_RENEWS_WITHIN_MS).then(async (line) => {
    return { line, state: (await mutex.inspect(key)).state };
  });
  const [{ line, state }, lock] = await Promise.all([refused, entered]);
  const after = performance.now() - brokenAt;
  await lock.release();
  const isBreaking = code === 0 && freeInSeconds > 50 && state === "breaking";
  verdict.check("azmutex break lets Go's lease run out, unrenewed", isBreaking, `${state}, renewal ${refusal(line)}`);
  const offMs = after - freeInSeconds * 1_000;
  const isInTime = Math.abs(offMs) <= 3_000;
  verdict.check("and we get in when it said", isInTime, `${freeInSeconds} s announced, ${seconds(after)} taken`);
}
