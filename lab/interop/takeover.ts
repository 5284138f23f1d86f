import { seconds } from "../shared/duration.ts";
import type { Place } from "./place.ts";
import type { Verdict } from "./verdict.ts";

/** What Go's lockers ask for, and how often they ask for it. */
const GO_LEASE_MS = 60_000;
const GO_POLLS_EVERY_MS = 10_000;
/** The longest that we sleep between two polls. */
const OUR_POLL_MS = 850;
const OUR_LEASE_SECONDS = 15;
/** For a process to be told, and for a busy machine. */
const SLACK_MS = 2_000;

/** A Go locker is killed while it holds; we wait. */
export async function killedGo(place: Place, verdict: Verdict): Promise<void> {
  const key = "killed-go";
  const go = place.go();
  const askedAt = performance.now();
  await go.do({ do: "lock", key });
  await go.kill();
  const killedAt = performance.now();
  const lock = await place.mutex().locker(key).lock({ signal: place.stop });
  const at = performance.now();
  await lock.release();
  // Its lease began after it asked, and before it was killed.
  const isRight = at - askedAt >= GO_LEASE_MS && at - killedAt <= GO_LEASE_MS + OUR_POLL_MS + SLACK_MS;
  verdict.check(
    "a killed Go holder is succeeded by us when its lease of 60 s has run out",
    isRight,
    `after ${seconds(at - killedAt)}`,
  );
}

/** A holder of ours is killed; Go waits. */
export async function killedOurs(place: Place, verdict: Verdict): Promise<void> {
  const key = "killed-ours";
  const ours = place.ours({ kind: "hold", key, leaseSeconds: OUR_LEASE_SECONDS });
  const startedAt = performance.now();
  await ours.says("holding");
  await ours.kill();
  const killedAt = performance.now();
  const go = place.go();
  await go.do({ do: "lock", key });
  const at = performance.now();
  await go.do({ do: "unlock", key });
  const leaseMs = OUR_LEASE_SECONDS * 1_000;
  const isRight = at - startedAt >= leaseMs && at - killedAt <= leaseMs + GO_POLLS_EVERY_MS + SLACK_MS;
  verdict.check(
    "a killed holder of ours is succeeded by Go within our lease of 15 s and its poll of 10 s",
    isRight,
    `after ${seconds(at - killedAt)}`,
  );
}
