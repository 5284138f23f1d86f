import { SHORTEST_LEASE_SECONDS } from "../../lease/terms.ts";
import { Stopwatch, sleep } from "../../time/clock.ts";
import type { Doctor } from "../doctor.ts";
import { HelperBlob } from "../helper-blob.ts";

/** After so long a lease of 15 s has ended by anybody's clock. */
const ENDED_MS = 17_000;
const ASK_EVERY_MS = 250;
const GIVE_UP_MS = 45_000;
/** What a service may round, and a request may take. */
const EARLY_MS = 100;
const LATE_MS = 3_000;

/** When leases really end, and what can be done with one that has ended. It takes real time. */
export async function checkLeaseTimes(doctor: Doctor): Promise<void> {
  if (!doctor.options.long)
    return doctor.skip("lease-times", "takes half a minute, until leases run out: ask for it with long (--long)");
  if (doctor.options.readOnly) return doctor.skip("lease-times", "takes writing, which readOnly leaves out");
  if (!doctor.may("write")) return doctor.skip("lease-times", "takes the right to write");
  await Promise.all([
    tellEnd(doctor, "lease", () => undefined),
    tellEnd(doctor, "broken lease", (blob) => blob.break({})),
    renewAfterWrite(doctor),
    renewWithForeignId(doctor),
  ]);
}

/** Measures when another may have the lease, and reports it once for the plain and the broken one. */
async function tellEnd(doctor: Doctor, what: string, before: (blob: HelperBlob) => unknown): Promise<void> {
  const { sources, options, found } = doctor;
  const blob = await HelperBlob.make(doctor, what.replace(" ", "-"));
  const holder = sources.newId();
  const other = sources.newId();
  const sent = new Stopwatch(sources.clock);
  await blob.acquire(holder, SHORTEST_LEASE_SECONDS);
  const answered = new Stopwatch(sources.clock);
  await before(blob);
  let atLeastMs = 0;
  while ((await blob.acquire(other, SHORTEST_LEASE_SECONDS)).kind !== "acquired" && sent.elapsedMs < GIVE_UP_MS) {
    atLeastMs = answered.elapsedMs;
    await sleep(sources.clock, ASK_EVERY_MS, { signal: options.signal });
  }
  const freeAfterMs = Math.round(sent.elapsedMs);
  found.measures[what === "lease" ? "leaseFreeAfterMs" : "brokenLeaseFreeAfterMs"] = freeAfterMs;
  const lengthMs = SHORTEST_LEASE_SECONDS * 1_000;
  const seconds = `a ${what} of ${SHORTEST_LEASE_SECONDS} s was free after ${(freeAfterMs / 1_000).toFixed(1)} s`;
  if (freeAfterMs < lengthMs - EARLY_MS) doctor.finding("lease-ends-early", seconds);
  else if (atLeastMs > lengthMs + LATE_MS) doctor.finding("lease-ends-late", seconds);
  else doctor.ok(what.replace(" ", "-"), seconds);
}

async function renewAfterWrite(doctor: Doctor): Promise<void> {
  const { probe, sources, options, requests } = doctor;
  if (!probe) return doctor.skip("renewal-after-foreign-write", "takes a request that this store has not");
  const blob = await HelperBlob.make(doctor, "foreign-write");
  const holder = sources.newId();
  await blob.acquire(holder, SHORTEST_LEASE_SECONDS);
  await sleep(sources.clock, ENDED_MS, { signal: options.signal });
  await requests.ask("create", blob.name, (signal) => probe.putBlob(blob.name, { signal }));
  const { kind } = await blob.renew(holder);
  const seen = kind === "renewed" ? "a lease that ran out was renewed after a foreign write" : undefined;
  doctor.look("renewal-after-foreign-write", seen, "a lease that ran out is not renewed after a foreign write");
}

async function renewWithForeignId(doctor: Doctor): Promise<void> {
  const { sources, options, store, requests } = doctor;
  const blob = await HelperBlob.make(doctor, "foreign-id");
  await blob.acquire(sources.newId(), SHORTEST_LEASE_SECONDS);
  await sleep(sources.clock, ENDED_MS, { signal: options.signal });
  await blob.renew(sources.newId());
  const read = await requests.ask("read", blob.name, (signal) => store.read(blob.name, { signal }));
  const isRevived = read.kind === "found" && read.blob.leaseState === "leased";
  const seen = isRevived ? "a renewal with another id revived a lease that had run out" : undefined;
  doctor.look("renewWithForeignIdOnExpiredLease", seen, "a lease that ran out is not renewed by another id");
}
