import { sleep } from "../../time/clock.ts";
import type { Doctor } from "../doctor.ts";
import { HelperBlob } from "../helper-blob.ts";

const ANSWERS = 20;
const PAUSE_MS = 50;
/** A date is of whole seconds. */
const DATE_STEP_MS = 1_000;
/** Whole seconds, and front ends that disagree, as fencing tokens allow for them. */
const MOST_SPREAD_MS = 1_000;
const MOST_OFFSET_MS = 60_000;

/** One answer, by the clocks of both sides. */
interface Answer {
  readonly sentAt: number;
  readonly receivedAt: number;
  /** Of whole seconds. */
  readonly date: number;
}

/** How far the service's clock is ahead of this process's, in milliseconds: between the two. */
export interface Offset {
  readonly least: number;
  readonly most: number;
}

/** The service's clock against this machine's, and against itself. */
export async function checkClocks(doctor: Doctor): Promise<void> {
  const { sources, found } = doctor;
  const countsSuspend = sources.countsSuspend ? undefined : "the runtime tells no time that counts suspend";
  doctor.look("no-suspend-clock", countsSuspend, "the runtime has a clock that goes on during suspend");
  if (!doctor.may("read")) return doctor.skip("dates", "takes the right to read");
  const anchor = sources.wallTime() - sources.clock.now();
  const answers: Answer[] = [];
  while (answers.length < ANSWERS) {
    answers.push(await readTimed(doctor));
    await sleep(sources.clock, PAUSE_MS, { signal: doctor.options.signal });
  }
  const { least, most } = offsetOf(answers);
  const spreadMs = Math.max(0, least - most);
  const offsetMs = Math.round((least + most) / 2 - anchor);
  found.measures.serviceAheadMs = offsetMs;
  found.measures.serviceSpreadMs = Math.round(spreadMs);
  const tooFar = spreadMs > MOST_SPREAD_MS ? `two answers disagree by ${(spreadMs / 1_000).toFixed(1)} s` : undefined;
  doctor.look("dates-disagree", tooFar, `${ANSWERS} answers agree on the time`);
  const side = offsetMs > 0 ? "behind" : "ahead of";
  const off = `this machine's clock is ${Math.round(Math.abs(offsetMs) / 1_000)} s ${side} the service's`;
  doctor.look("machine-clock", Math.abs(offsetMs) > MOST_OFFSET_MS ? off : undefined, off);
  await compareLastModified(doctor);
}

/** Where all answers can be right. `least` is above `most` where they cannot. */
export function offsetOf(answers: readonly Answer[]): Offset {
  return {
    least: Math.max(...answers.map(({ date, receivedAt }) => date - receivedAt)),
    most: Math.min(...answers.map(({ date, sentAt }) => date + DATE_STEP_MS - sentAt)),
  };
}

async function readTimed({ store, requests, sources, blobs }: Doctor): Promise<Answer> {
  const name = blobs.name("clocks");
  return await requests.ask("read", name, async (signal) => {
    const sentAt = sources.clock.now();
    const answer = await store.read(name, { signal });
    const date = answer.kind === "missing" ? answer.date : answer.blob.date;
    return { sentAt, receivedAt: sources.clock.now(), date };
  });
}

async function compareLastModified(doctor: Doctor): Promise<void> {
  if (doctor.options.readOnly || !doctor.may("write")) return;
  const { date, lastModified } = (await HelperBlob.make(doctor, "last-modified")).stamp;
  const aheadMs = lastModified - date;
  const seen = aheadMs > 0 ? `a new blob is dated ${aheadMs / 1_000} s after the answer that made it` : undefined;
  doctor.look("last-modified-ahead", seen, "blobs are dated by the clock of the answers");
}
