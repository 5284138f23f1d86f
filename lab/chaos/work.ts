import { setTimeout as sleep } from "node:timers/promises";
import type { Holding } from "azmutex";
import { between, type Random } from "../shared/seeded.ts";
import type { Journal } from "./journal.ts";
import type { MachineClock } from "./machine-clock.ts";
import type { Fate, Job, Report } from "./messages.ts";
import type { Reading } from "./register.ts";
import { RegisterClient } from "./register-client.ts";

/** What was taken, and what of it writes to which register. */
export interface Taken {
  readonly holding: Pick<Holding, "isHeld" | "signal"> & { release(): Promise<unknown> };
  readonly key: string;
  readonly token: number | undefined;
  readonly isShared: boolean;
}

/** While it holds something a worker looks at `isHeld` so often, and notes it. */
export const LOOK_EVERY_MS = 100;
const WORK_MS = [20, 150] as const;
/** A write that is not answered by then is left to itself. */
const ANSWER_WITHIN_MS = 3_000;

/** What is done under a lock: one is added to numbers, and what is believed to be held is noted by true time. */
export class Work {
  /** Until then, what is held is kept. */
  lingerUntil = 0;
  /** What befalls this process before its next write. */
  fate: Fate | undefined;
  readonly #journal: Journal;
  readonly #job: Pick<Job, "worker" | "incarnation">;
  readonly #register: RegisterClient;
  readonly #clock: MachineClock;
  readonly #tell: (report: Report) => void;
  readonly #finishing: AbortSignal;
  #holds = 0;
  #requests = 0;

  constructor(
    job: Pick<Job, "worker" | "incarnation" | "registerPort">,
    journal: Journal,
    clock: MachineClock,
    tell: (report: Report) => void,
    finishing: AbortSignal,
  ) {
    this.#journal = journal;
    this.#job = job;
    this.#register = new RegisterClient(job.registerPort);
    this.#clock = clock;
    this.#tell = tell;
    this.#finishing = finishing;
  }

  async under(actor: string, taken: Taken, askedAt: number, random: Random): Promise<void> {
    const { holding, key, token, isShared } = taken;
    this.#holds += 1;
    const id = `${this.#job.worker}.${this.#job.incarnation}/${this.#holds}`;
    const at = this.#clock.now();
    const { isHeld } = holding;
    this.#journal.append({ kind: "entered", hold: id, actor, key, isShared, token, askedAt, at, isHeld });
    if (isHeld) this.#tell({ kind: "in", actor });
    /** Also notes that it was so at this moment, which counts for all the time before. */
    const isStillHeld = (): boolean => {
      const now = this.#clock.now();
      if (!holding.isHeld) return false;
      this.#journal.append({ kind: "held", hold: id, at: now });
      return true;
    };
    const looking = setInterval(isStillHeld, LOOK_EVERY_MS);
    const stay = async (ms: number): Promise<boolean> => {
      await sleep(ms);
      return isStillHeld();
    };
    /** The call is noted before it is sent, and the answer when it is read: a killed process leaves an open request. */
    const send = async (what: { kind: "read" } | { kind: "write"; base: Reading }): Promise<Reading | null> => {
      this.#requests += 1;
      const request = this.#requests;
      const base = what.kind === "write" ? what.base.fenced.version : undefined;
      const asked = { key, token: token ?? 0, op: what.kind, base };
      this.#journal.append({ kind: "asked", request, hold: id, at: this.#clock.now(), ...asked });
      const sent = { hold: id, key, token: token ?? 0, ...what };
      const reading = await this.#register.send(sent, AbortSignal.timeout(ANSWER_WITHIN_MS));
      const version = reading?.fenced.version ?? null;
      this.#journal.append({ kind: "answered", request, at: this.#clock.now(), version });
      return reading;
    };
    const increment = async (): Promise<boolean> => {
      if (isShared || token === undefined) return stay(between(...WORK_MS, random));
      const base = await send({ kind: "read" });
      if (!base || !(await stay(between(...WORK_MS, random)))) return false;
      if (this.fate) this.#meet(this.fate);
      await send({ kind: "write", base });
      return isStillHeld();
    };

    let isOn = isHeld;
    for (
      let left = 1 + Math.floor(random() * 3);
      isOn && (left > 0 || this.#clock.now() < this.lingerUntil);
      left -= 1
    ) {
      // A write without an answer is still under way: nothing more is done on top of it.
      isOn = await increment().catch(() => false);
      if (this.#finishing.aborted) break;
    }
    clearInterval(looking);
    this.#tell({ kind: "out", actor });
    const wasHeld = isStillHeld();
    await holding.release().catch(() => {});
    const how = holding.signal.aborted ? holding.signal.reason.why : wasHeld ? "released" : "expired";
    this.#journal.append({ kind: "left", hold: id, at: this.#clock.now(), how });
  }

  #meet(met: Fate): void {
    this.fate = undefined;
    process.kill(process.pid, met === "stop" ? "SIGSTOP" : "SIGKILL");
  }
}
