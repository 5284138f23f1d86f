import { RENEWALS_AT_ONCE } from "../../lease/renewal-turns.ts";
import type { Operation } from "../../store/operation.ts";
import { sleep } from "../../time/clock.ts";
import type { Doctor } from "../doctor.ts";
import { HelperBlob } from "../helper-blob.ts";
import { EventLoopWatch } from "./event-loop-watch.ts";

const ROUNDS = 20;
/** A slow service is not asked for longer than that. */
const LONGEST_TIMING_MS = 4_000;
const LOOP_MS = 5_000;

/** How long the service takes to answer, how late this process is, and what that makes of the terms of a lock. */
export async function checkSpeed(doctor: Doctor): Promise<void> {
  const loop = new EventLoopWatch(doctor.sources.clock);
  const began = doctor.sources.clock.now();
  const timings = await measure(doctor);
  const leftMs = LOOP_MS - (doctor.sources.clock.now() - began);
  await sleep(doctor.sources.clock, Math.max(0, leftMs), { signal: doctor.options.signal });
  for (const [operation, times] of timings) record(doctor, operation, times);
  const lateMs = loop.stop();
  doctor.found.measures.eventLoopLateMs = Math.round(lateMs);
  const late = lateMs > doctor.terms.marginMs / 2 ? `the event loop stood for ${Math.round(lateMs)} ms` : undefined;
  doctor.look("event-loop", late, `the event loop is late by ${Math.round(lateMs)} ms at most`);
  judge(doctor, timings);
  tellLost(doctor);
}

type Timings = ReadonlyMap<Operation, readonly number[]>;

/** How long the answers took, without what was not answered. */
async function measure(doctor: Doctor): Promise<Timings> {
  const { requests, store, sources, options } = doctor;
  const { clock } = sources;
  const began = clock.now();
  const blob = options.readOnly || !doctor.may("write") ? undefined : await HelperBlob.make(doctor, "speed");
  const folder = doctor.blobs.name("none");
  const list = (signal: AbortSignal): Promise<void> => drain(store.list(folder, { signal }));
  const before = requests.answered.length;
  for (let round = 0; round < ROUNDS && clock.now() - began < LONGEST_TIMING_MS; round += 1) {
    const id = sources.newId();
    await blob?.acquire(id);
    await blob?.renew(id);
    await blob?.release(id);
    if (doctor.may("list")) await requests.ask("list", folder, list);
  }
  const timings = new Map<Operation, number[]>();
  for (const { operation, ms } of requests.answered.slice(before))
    timings.set(operation, [...(timings.get(operation) ?? []), ms]);
  return timings;
}

async function drain(blobs: AsyncIterable<unknown>): Promise<void> {
  for await (const blob of blobs) void blob;
}

function record({ found }: Doctor, operation: string, times: readonly number[]): void {
  for (const [name, share] of [
    ["P50", 0.5],
    ["P95", 0.95],
    ["Max", 1],
  ] as const)
    found.measures[`${operation}${name}Ms`] = Math.round(quantile(times, share) * 10) / 10;
}

/** What the times make of the terms of a lock. */
function judge(doctor: Doctor, timings: Timings): void {
  const { found, terms, requests } = doctor;
  const { timeoutMs } = requests;
  const [operation = "", times = []] = [...timings].find(([name]) => name === "renew") ?? [...timings][0] ?? [];
  if (times.length === 0) {
    doctor.skip("slow", "no request could be timed");
    return;
  }
  const p95 = quantile(times, 0.95);
  const limit = timeoutMs / 3;
  const seen = p95 > limit ? `${operation} takes ${Math.round(p95)} ms (p95), of ${timeoutMs} ms` : undefined;
  doctor.look("slow", seen, `${operation} takes ${Math.round(p95)} ms (p95)`);
  const each = Math.max(1, quantile(times, 0.5));
  found.measures.marginAtLeastMs = Math.ceil((found.measures.eventLoopLateMs ?? 0) + 100 + p95);
  found.measures.handOverMs = Math.round(2 * each);
  found.measures.locksPerProcess = Math.floor((RENEWALS_AT_ONCE * terms.renewEveryMs) / each);
}

/** Requests of any check that were not answered. */
function tellLost(doctor: Doctor): void {
  const { lost, sent } = doctor.requests;
  const turnedAway = lost.filter(({ isThrottled }) => isThrottled);
  const unanswered = lost.filter(({ isThrottled }) => !isThrottled);
  const share = (tries: typeof lost): string | undefined =>
    tries.length === 0 ? undefined : `${tries.length} of ${sent} requests: ${tries[0]?.reason}`;
  doctor.look("throttled", share(turnedAway), `none of ${sent} requests was turned away`);
  doctor.look("unanswered", share(unanswered), `all of ${sent} requests were answered`);
}

/** The least time that such a share of all does not exceed. */
export function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
