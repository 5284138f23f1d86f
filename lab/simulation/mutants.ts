import type { GameName } from "./games.ts";
import type { ProtocolRule } from "./invariants.ts";
import type { Edit } from "./mutate.ts";

/** A mistake that a change to `src` could make. `npm run mutants` shows that the simulation finds it. */
export interface Mutant {
  readonly name: string;
  /** The rule of docs/protocol.md that the mistake breaks. */
  readonly rule: ProtocolRule;
  /** The game that finds it. Default: each seed plays its own. */
  readonly game?: GameName;
  readonly edits: readonly Edit[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "the deadline counts from the answer of a renewal",
    rule: "P8",
    edits: [
      {
        place: "lease/renewOnce",
        stands: "lease.renewed(sent, { isLate });",
        instead: "lease.renewed(new Stopwatch(blob.clock), { isLate });",
      },
    ],
  },
  {
    name: "the deadline counts from the answer of the acquire",
    rule: "P8",
    edits: [
      {
        place: "lease/Acquisition.ask",
        stands: "leaseId: this.leaseId, asked };",
        instead: "leaseId: this.leaseId, asked: new Stopwatch(this.#blob.clock) };",
      },
    ],
  },
  {
    name: "the deadline of a lease that is renewed by hand counts from the answer",
    rule: "P8",
    edits: [
      {
        place: "lease/ManualLease.#renew",
        stands: "this.lease.renewed(sent);",
        instead: "this.lease.renewed(new Stopwatch(blob.clock));",
      },
    ],
  },
  {
    name: "no margin",
    rule: "P9",
    edits: [
      {
        place: "lease/resolveTerms",
        stands: "const goodForMs = leaseMs - marginMs;",
        instead: "const goodForMs = leaseMs;",
      },
    ],
  },
  {
    name: "a refused renewal is tried again",
    rule: "P16",
    edits: [
      {
        place: "lease/renewOnce",
        stands: 'if (answer.kind === "refused") lease.lose(',
        instead: 'if (answer.kind === "refused" && lease.isOpen) return 0; if (answer.kind === "refused") lease.lose(',
      },
    ],
  },
  {
    name: "an unsure renewal is taken for a loss",
    rule: "P16",
    edits: [
      {
        place: "lease/renew",
        stands: "lease.renewalFailed(error);",
        instead: "lease.lose(lease.expired()); throw error;",
      },
    ],
  },
  {
    name: "an unsure renewal is taken for a success",
    rule: "P16",
    edits: [
      {
        place: "lease/renew",
        stands: "lease.renewalFailed(error);",
        instead:
          "lease.renewed(new Stopwatch(blob.clock)); " +
          'host.onRenewal({ kind: "renewed", tookMs: 0, msLeft: 0 }); throw error;',
      },
    ],
  },
  {
    name: "the deadline does not wait for an answer that has come",
    rule: "P10",
    edits: [
      {
        place: "lease/Deadline.#onTimer",
        stands: "this.#blob.clock.nextTurn(() => {",
        instead: '["at once"].forEach(() => {',
      },
    ],
  },
  {
    name: "the deadline is put off for longer than a renewal moved it",
    rule: "P10",
    edits: [
      {
        place: "lease/Deadline.#putOff",
        stands: "this.set(elapsedMs); return true;",
        instead: "this.set(0); return true;",
      },
    ],
  },
  {
    name: "the release uses the caller's signal",
    rule: "P20",
    edits: [
      {
        place: "lease/LeaseOptions",
        stands: "interface LeaseOptions {",
        instead: "interface LeaseOptions { readonly callers?: AbortSignal | undefined;",
      },
      {
        place: "lease/Lease.constructor",
        stands: "constructor(blob: LockBlob, { origin, granted, terms }: LeaseOptions) {",
        instead:
          "readonly #callers: AbortSignal | undefined; constructor(blob: LockBlob, { origin, granted, " +
          "terms, callers }: LeaseOptions) { this.#callers = callers;",
      },
      {
        place: "lease/Renewer.constructor",
        stands: "{ origin, granted, terms }: LeaseOptions",
        instead: "{ origin, granted, terms, callers }: LeaseOptions",
      },
      {
        place: "lease/Renewer.constructor",
        stands: "new Lease(blob, { origin, granted, terms })",
        instead: "new Lease(blob, { origin, granted, terms, callers })",
      },
      {
        place: "lease/Lease.release",
        stands: "releaseLease(this.#blob, this.leaseId)",
        instead:
          "(this.#callers?.aborted ? Promise.reject(this.#callers.reason) : releaseLease(this.#blob, this.leaseId))",
      },
      {
        place: "waiting/Contender.#attemptToHold",
        stands: "new Renewer(blob, { origin: acquisition, granted, terms });",
        instead: "new Renewer(blob, { origin: acquisition, granted, terms, callers: this.#limit.signal });",
      },
    ],
  },
  {
    name: "a lost lease is released at once",
    rule: "P14",
    edits: [
      {
        place: "lease/Deadline.releaseWhenLapsed",
        stands: "this.#setTimer(lapsesInMs,",
        instead: "this.#setTimer(0 * lapsesInMs,",
      },
    ],
  },
  {
    name: "an abandoned acquisition is not released",
    rule: "P5",
    edits: [
      {
        place: "lease/Acquisition.abandon",
        stands: "if (unreachable) this.#tries.cut(); void inRootContext(() => this.#end(mayBeHanded));",
        instead: "if (unreachable) this.#tries.cut(); void mayBeHanded;",
      },
    ],
  },
  {
    name: "a lease whose grant comes late is not released",
    rule: "P5",
    edits: [
      {
        place: "lease/Acquisition.#onGranted",
        stands: 'if (this.#stage === "over") void inRootContext(() => this.#release());',
        instead: "",
      },
    ],
  },
  {
    name: "an id is used again after its release",
    rule: "P2",
    edits: [
      {
        place: "lease/Acquisition.constructor",
        stands: "this.leaseId = blob.newId();",
        instead:
          "this.leaseId = idsOf.get(blob.closing)?.get(blob.name) ?? blob.newId(); const ids = " +
          "idsOf.get(blob.closing) ?? new Map<string, string>(); idsOf.set(blob.closing, " +
          "ids.set(blob.name, this.leaseId));",
      },
      {
        place: "lease/MOST_CREATIONS",
        stands: "const MOST_CREATIONS = 3;",
        instead: "const MOST_CREATIONS = 3; const idsOf = new WeakMap<object, Map<string, string>>();",
      },
    ],
  },
  {
    name: "an unanswered poll is released between two polls",
    rule: "P5",
    edits: [
      {
        place: "lease/AcquireTries.#onSent",
        stands: "if (isMutexError(error) && !isUnsure(error)) this.#settle(false);",
        instead: "if (isMutexError(error) && !isUnsure(error)) this.#settle(false); else this.onUnsure();",
      },
      {
        place: "lease/AcquireTries",
        stands: "#isUnreachable = false;",
        instead: "#isUnreachable = false; onUnsure = (): void => undefined;",
      },
      {
        place: "lease/Acquisition.constructor",
        stands: "new AcquireTries(() => this.#onGranted());",
        instead: "new AcquireTries(() => this.#onGranted()); this.#tries.onUnsure = () => void this.#release();",
      },
    ],
  },
  {
    name: "every poll has an id of its own",
    rule: "P1",
    edits: [
      { place: "lease/Acquisition.leaseId", stands: "readonly leaseId", instead: "leaseId" },
      {
        place: "lease/Acquisition.ask",
        stands: "const answer = await this.#blob.acquire(",
        instead: "this.leaseId = this.#blob.newId(); const answer = await this.#blob.acquire(",
      },
    ],
  },
  {
    name: "sleep is not noticed",
    rule: "P12",
    edits: [
      {
        place: "time/Stopwatch.read",
        stands: "const sleptMs = Math.max(0, this.#clock.uptime() - this.#uptime - awakeMs);",
        instead: "const sleptMs = 0 * (this.#clock.uptime() - this.#uptime);",
      },
    ],
  },
  {
    name: "the holds are not told of a sleep",
    rule: "P12",
    edits: [
      {
        place: "lease/SuspendWatch.#look",
        stands: "if (this.#sleptMs <= SUSPEND_MS) return;",
        instead: "if (this.#sleptMs <= SUSPEND_MS || this.#sleepers.size > 0) return;",
      },
    ],
  },
  {
    name: "the deadline's timer sleeps on after a sleep",
    rule: "P12",
    edits: [
      {
        place: "lease/Renewer.onWake",
        stands: "this.#deadline.set(this.lease.elapsedMs); if (!this.lease.isOverdue) void",
        instead: "if (this.lease.isOverdue) this.#deadline.set(this.lease.elapsedMs); else void",
      },
    ],
  },
  {
    name: "the lock is given without a look at the clock",
    rule: "P7",
    edits: [{ place: "waiting/freshToken", stands: "await renewer.freshen(signal);", instead: "" }],
  },
  {
    name: "a lock whose id was given out is handed on under it",
    rule: "P31",
    edits: [
      {
        place: "waiting/LocalFirstHandOver.#end",
        stands: "if (!isIdGivenOut && isWithin &&",
        instead: "if (isWithin &&",
      },
    ],
  },
  {
    name: "the token is taken from a record read before",
    rule: "P25",
    edits: [
      {
        place: "lease/FencingTokens.#record",
        stands: "this.#foresightOf(request.lastStamp);",
        instead: "(this.#before && { ...this.#before, etag: request.lastStamp.etag });",
      },
      {
        place: "lease/FencingTokens.#record",
        stands: "const parts = await compose(seen);",
        instead: "const parts = await compose(seen); this.#before = seen;",
      },
      {
        place: "lease/FencingTokens.#highest",
        stands: "#highest = 0;",
        instead: "#highest = 0; #before: KnownBlob | undefined;",
      },
    ],
  },
  {
    name: "what was read while another held the lock counts whatever the ETag",
    rule: "P25",
    edits: [
      {
        place: "lease/FencingTokens.#foresightOf",
        stands:
          "return this.#foreseen?.etag === lastStamp.etag ? { ...this.#foreseen, time: lastStamp.time } : undefined;",
        instead: "return this.#foreseen && { ...this.#foreseen, ...lastStamp };",
      },
    ],
  },
  {
    name: "the block of tokens goes on whatever the ETag",
    rule: "P25",
    edits: [
      {
        place: "lease/FencingTokens.next",
        stands: "own && own.etag === etag && own.next <= own.top",
        instead: "own && (own.etag === etag || own.etag !== etag) && own.next <= own.top",
      },
    ],
  },
  {
    name: "the record is written without If-Match",
    rule: "P26",
    edits: [
      {
        place: "lease/LockBlob.writeRecord",
        stands: "store.writeMetadata(this.name, metadata, { ...on, signal: request })",
        instead:
          "store.writeMetadata(this.name, metadata, { ...on, ifMatch: (on.ifMatch && undefined) as never, " +
          "signal: request })",
      },
    ],
  },
  {
    name: "a record that was wiped is replaced within the second",
    rule: "P28",
    edits: [
      { place: "lease/SEED_AFTER_MS", stands: "const SEED_AFTER_MS = 2_000;", instead: "const SEED_AFTER_MS = 0;" },
    ],
  },
  {
    name: "tokens do not follow the service's time",
    rule: "P23",
    edits: [
      {
        place: "lease/reserve",
        stands: "const floor = secondOf(serviceMs) * TOKENS_PER_SECOND;",
        instead: "const floor = serviceMs < 0 ? secondOf(serviceMs) * TOKENS_PER_SECOND : 0;",
      },
    ],
  },
  {
    name: "the lease is renewed between the list and the hand-over",
    rule: "P41",
    edits: [
      {
        place: "waiting/FifoHandOver.#handOver",
        stands: "renewer.pause(); const waiting = await queue.waiting();",
        instead: "const waiting = await queue.waiting(); await renewer.ensure(renewer.terms.goodForMs - 1_500);",
      },
    ],
  },
  {
    name: "renewals go on during the hand-over",
    rule: "P41",
    edits: [{ place: "waiting/FifoHandOver.#handOver", stands: "renewer.pause();", instead: "" }],
  },
  {
    name: "the holder does not wait until its own ticket is gone",
    rule: "P39",
    edits: [{ place: "waiting/FifoHandOver.#handOver", stands: "await ticketGone;", instead: "" }],
  },
  {
    name: "a waiter that gives up lists before its ticket is deleted",
    rule: "P43",
    edits: [{ place: "waiting/FairQueue.giveUp", stands: "await ticket?.leave();", instead: "void ticket?.leave();" }],
  },
  {
    name: "a waiter that gives up passes the lock on to no other waiter",
    rule: "P43",
    edits: [
      {
        place: "waiting/FairQueue.giveUp",
        stands: "(await this.#passOn(acquisition.leaseId))",
        instead: '(acquisition.leaseId === "" && (await this.#passOn(acquisition.leaseId)))',
      },
    ],
  },
  {
    name: "a waiter that gives up takes the lock for given back though another has it",
    rule: "P43",
    edits: [
      { place: "waiting/FairQueue.#passOnNow", stands: 'if (renewed.kind === "refused") return false;', instead: "" },
    ],
  },
  {
    name: "a ticket that is being made is deleted, and counts as gone though it was not leased",
    rule: "P45",
    edits: [
      {
        place: "waiting/Ticket.leave",
        stands: "this.#joining.then(() => this.#blob.delete(",
        instead: "(this.#blob.delete(",
      },
      {
        place: "waiting/TicketBlob.#deleteOnce",
        stands: "if (this.#isUndeletable ? await this.#endLease() : await this.#removeLeasedOrNot()) return undefined;",
        instead: "await this.#remove(this.#standing.leaseId); return undefined;",
      },
    ],
  },
  {
    name: "a waiter that no listing shows does not ask for the lock",
    rule: "P37",
    edits: [
      {
        place: "waiting/PlaceInLine.#look",
        stands: "this.#possible.suspect(now); return REJOIN_MS;",
        instead: "return REJOIN_MS;",
      },
    ],
  },
  {
    name: "a lapsed ticket is not taken again",
    rule: "P38",
    edits: [
      {
        place: "waiting/PlaceInLine.#look",
        stands: "this.#position = position < 0 ? undefined : position; if (this.#position === undefined) {",
        instead: "this.#position = Math.max(1, position); if (position < 0) {",
      },
      {
        place: "waiting/PlaceInLine.step",
        stands: "if (!this.#ticket?.stands) this.#position = undefined;",
        instead: "if (!this.#ticket) this.#position = undefined;",
      },
    ],
  },
  {
    name: "a lock that is handed over is not asked for",
    rule: "P37",
    edits: [
      {
        place: "waiting/FifoHandOver.#handOver",
        stands: "lease.changeTo(next.leaseId)",
        instead: 'lease.changeTo(next.leaseId.replace(/^./, "f"))',
      },
    ],
  },
  {
    name: "a lock is handed on without a look at the clock",
    rule: "P7",
    edits: [
      {
        place: "waiting/Hold.end",
        stands: "const overdue = declared ? undefined : this.lostBecause;",
        instead: "const overdue = undefined as LockLostError | undefined;",
      },
      {
        place: "waiting/LocalFirstHandOver.#end",
        stands: "isWithin && lease.isHeld && passTo(head, processLease)",
        instead: "isWithin && passTo(head, processLease)",
      },
      {
        place: "waiting/Contender.#settle",
        stands: "const token = await this.#freshToken(lease);",
        instead:
          "const token = lease.budget.handOvers === 0 ? await this.#freshToken(lease) : " +
          "this.#of.tokens.next(lease.renewer.lease.lastStamp, this.#of.options.description);",
      },
    ],
  },
  {
    name: "a lease that is uncertain is not shared",
    rule: "P12",
    edits: [
      {
        place: "recipes/SharedLease.isOpen",
        stands: "return !this.hold.ended && !this.hold.lostBecause;",
        instead: "return this.hold.isHeld;",
      },
    ],
  },
  {
    name: "what is uncertain is said to be lost",
    rule: "P12",
    edits: [
      {
        place: "lease/Lease.lostBecause",
        stands: "return this.isOpen && this.isOverdue ? this.expired()",
        instead: "return this.isOpen && !this.isHeld ? this.expired()",
      },
    ],
  },
  {
    name: "the record of slots is written over the version that is there now",
    rule: "P50",
    game: "once",
    edits: [
      {
        place: "recipes/OnceRecordBlob.write",
        stands: "if (now.record) return { isWritten: false, seen: now };",
        instead: "",
      },
    ],
  },
  {
    name: "a record of slots that was written meanwhile is taken for our own",
    rule: "P50",
    game: "once",
    edits: [
      {
        place: "recipes/OnceRecordBlob.write",
        stands: "if (now.record && isSameWrite(now.record, record))",
        instead: "if (now.record && record.slot !== undefined)",
      },
    ],
  },
  {
    name: "a record of slots with a higher token is written over",
    rule: "P51",
    game: "once",
    edits: [
      {
        place: "recipes/SlotRun.#assertLatest",
        stands: "if (record && record.token > this.#token) {",
        instead: "if (record && record.token < 0) {",
      },
    ],
  },
  {
    name: "the work of a slot begins without a look at the lock",
    rule: "P52",
    game: "once",
    edits: [
      {
        place: "recipes/SlotRun.run",
        stands: "await this.#assertHeld(); const now",
        instead: "const now",
      },
    ],
  },
  {
    name: "a slot that is left after a crash is begun again",
    rule: "P52",
    game: "once",
    edits: [
      {
        place: "recipes/verdictOn",
        stands: 'policy.afterCrash === "leave";',
        instead: "attempt < 0;",
      },
    ],
  },
  {
    name: "a slot that crashed is given up though it is to be run again",
    rule: "P52",
    game: "once",
    edits: [
      {
        place: "recipes/verdictOn",
        stands: 'policy.afterCrash === "leave";',
        instead: "attempt > 0;",
      },
    ],
  },
  {
    name: "a slot that comes before the last one is begun",
    rule: "P53",
    game: "once",
    edits: [
      {
        place: "recipes/verdictOn",
        stands: "if (!record || order > 0)",
        instead: "if (!record || order !== 0)",
      },
    ],
  },
  {
    name: "the service is not asked again when the time of a slot has come",
    rule: "P54",
    game: "once",
    edits: [
      {
        place: "recipes/Once.#run",
        stands: "while (await untilDue(slot, seen.time, this.#blob, policy.signal)) seen",
        instead: "if (await untilDue(slot, seen.time, this.#blob, policy.signal)) seen",
      },
    ],
  },
];
