import type { MutexContext } from "../../lease/mutex-context.ts";
import type { StandingLease } from "../../lease/standing-lease.ts";
import { Stopwatch } from "../../time/clock.ts";
import { ownStart } from "../process-identity.ts";
import { type GuardianLink, type StartGuardian, startGuardian } from "./guardian-process.ts";
import type { GuardianNews } from "./guardian-program.ts";

/** What is used of a mutex. */
export type GuardedSpace = Pick<MutexContext, "store" | "standing" | "clock" | "log">;

interface Guarded {
  readonly space: GuardedSpace;
  readonly lease: StandingLease;
}

/** The longest lease that ends by itself, for one that may be granted. In milliseconds. */
const LONGEST_LEASE_MS = 60_000;
/** The shortest time between the starts of two guardians, in milliseconds. */
const START_EVERY_MS = 10_000;
/** How long a guardian with nothing to guard may take for a message, in milliseconds. */
const IDLE_STUCK_MS = 1_000;
const LATER = ": what is held lapses if this process is killed before a later lease or renewal starts one";
/** One that ran for so long is worth a line when it ends, though the last one ended the same way. In milliseconds. */
const WORTH_A_LINE_MS = 60_000;

/**
 * Tells a process beside this one of every lease that this process has or may have, with the request that releases it.
 * That process sends them once this one is dead, and not before. It is started when there is something to tell, and
 * again after its end, if that is not too soon; without it everything else works the same.
 */
export class Guardian {
  readonly #startProcess: StartGuardian;
  readonly #standing = new Map<string, Guarded>();
  /** The lease ids of which there is something to tell. */
  readonly #changed = new Set<string>();
  readonly #warned = new WeakSet<GuardedSpace>();
  #process: GuardianLink | undefined;
  #spaces = 0;
  #isTelling = false;
  #started: Stopwatch | undefined;
  #lastLine = "";

  constructor(startProcess: StartGuardian) {
    this.#startProcess = startProcess;
  }

  /** Guards the leases of a mutex, until the returned function is called. */
  watch(space: GuardedSpace): () => void {
    this.#spaces += 1;
    for (const lease of space.standing) this.#stands({ space, lease });
    const stop = space.standing.onChange({
      onStanding: (lease) => this.#stands({ space, lease }),
      // Where another request of this very turn goes on with the lease, it is not told to be gone.
      onGone: (lease) => space.clock.nextTurn(() => this.#isGone({ space, lease })),
    });
    let isWatched = true;
    return () => {
      stop();
      if (isWatched) this.#leave(space);
      isWatched = false;
    };
  }

  #stands(guarded: Guarded): void {
    const { leaseId } = guarded.lease;
    this.#standing.set(leaseId, guarded);
    this.#tellSoon(leaseId);
  }

  #isGone({ space, lease }: Guarded): void {
    // An acquire that is granted, and a release, list the same id anew.
    if (this.#standing.get(lease.leaseId)?.lease !== lease) return;
    this.#standing.delete(lease.leaseId);
    this.#tellSoon(lease.leaseId);
    const link = this.#process;
    if (!link?.isBusy || this.#standing.size > 0) return;
    // A message that is not taken keeps this process alive, for a guardian that has nothing to guard.
    space.clock.setTimer(IDLE_STUCK_MS, () => {
      if (link === this.#process && link.isBusy && this.#standing.size === 0) this.#end();
    });
  }

  #tellSoon(leaseId: string): void {
    this.#changed.add(leaseId);
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.#tell();
    });
  }

  /** What is left of the mutex is for the guardian to know, and for it alone. */
  #leave(space: GuardedSpace): void {
    for (const [id, guarded] of this.#standing) if (guarded.space === space) this.#standing.delete(id);
    this.#spaces -= 1;
    if (this.#spaces === 0) this.#end();
  }

  /** Another one is started as soon as there is a lease again. */
  #end(): void {
    this.#process?.end();
    this.#process = undefined;
    this.#started = undefined;
    this.#changed.clear();
  }

  #tell(): void {
    const isNew = this.#process === undefined;
    if (isNew ? !this.#mayStart : this.#process?.isBusy) return;
    const news = this.#news();
    if (isNew && news.stand.length > 0) this.#process = this.#start();
    if (!this.#process || news.stand.length + news.gone.length === 0) return;
    const parent = isNew ? { pid: process.pid, startedAt: ownStart() } : undefined;
    this.#process.tell(JSON.stringify({ parent, ...news }));
  }

  #news(): GuardianNews {
    const stand: GuardianNews["stand"][number][] = [];
    const gone: string[] = [];
    for (const id of this.#changed) {
      const guarded = this.#standing.get(id);
      const request = guarded && requestOf(guarded);
      if (!guarded) gone.push(id);
      else if (request) stand.push(request);
      else this.#hasNoRequest(guarded);
    }
    this.#changed.clear();
    return { stand, gone };
  }

  /** Before the first answer there may be no token at hand: with the grant, and each renewal, it is asked for again. */
  #hasNoRequest({ space, lease }: Guarded): void {
    if (lease.lapsesInMs === undefined || this.#warned.has(space)) return;
    this.#warned.add(space);
    space.log("the guardian has nothing to release a lease with: what is held when this process is killed lapses");
  }

  get #mayStart(): boolean {
    return this.#started === undefined || this.#started.elapsedMs >= START_EVERY_MS;
  }

  #start(): GuardianLink | undefined {
    const [guarded] = this.#standing.values();
    this.#started = guarded && new Stopwatch(guarded.space.clock);
    try {
      const link = this.#startProcess({
        onTaken: () => {
          if (link === this.#process && this.#changed.size > 0) this.#tell();
        },
        onEnd: (why) => {
          if (link === this.#process) this.#hasEnded(`the guardian process has ended (${why})${LATER}`);
        },
      });
      return link;
    } catch (error) {
      this.#hasEnded(`no guardian process can be started (${String(error)})${LATER}`);
      return undefined;
    }
  }

  /** A later one knows nothing of what this one was told. */
  #hasEnded(line: string): void {
    this.#process = undefined;
    for (const id of this.#standing.keys()) this.#changed.add(id);
    this.#log(line);
  }

  #log(line: string): void {
    const hasRun = this.#started !== undefined && this.#started.elapsedMs > WORTH_A_LINE_MS;
    if (line === this.#lastLine && !hasRun) return;
    this.#lastLine = line;
    for (const space of new Set([...this.#standing.values()].map(({ space }) => space))) space.log(line);
  }
}

function requestOf({ space, lease }: Guarded): GuardianNews["stand"][number] | undefined {
  const { name, leaseId: id, lapsesInMs } = lease;
  const request = space.store.releaseRequest?.(name, id);
  if (!request) return undefined;
  const ms = lapsesInMs ?? LONGEST_LEASE_MS;
  return { id, request, ms: Number.isFinite(ms) ? Math.round(ms) : null, isUnsure: lapsesInMs === undefined };
}

/** The guardian of this process. */
export const ownGuardian: Guardian = new Guardian(startGuardian);
