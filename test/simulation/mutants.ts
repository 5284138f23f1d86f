import type { ProtocolRule } from "./invariants.ts";
import type { Edit } from "./mutate.ts";

/** A mistake that a change to `src` could make. `npm run mutants` shows that the simulation finds it. */
export interface Mutant {
  readonly name: string;
  /** The rule of docs/protocol.md that the mistake breaks. */
  readonly rule: ProtocolRule;
  readonly edits: readonly Edit[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "the deadline counts from the answer of a renewal",
    rule: "P8",
    edits: [
      {
        place: "lease/KeptLease.#renewOnce",
        stands: "this.#asked = asked; this.#lastFailure = undefined;",
        instead: "this.#asked = new Stopwatch(clock); this.#lastFailure = undefined;",
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
    edits: [{ place: "lease/ManualLease.#renew", stands: "this.#asked = asked;", instead: "this.#asked = new Stopwatch(clock);" }],
  },
  {
    name: "no margin",
    rule: "P9",
    edits: [{ place: "src/resolveTerms", stands: "const goodForMs = leaseMs - marginMs;", instead: "const goodForMs = leaseMs;" }],
  },
  {
    name: "a refused renewal is tried again",
    rule: "P16",
    edits: [
      {
        place: "lease/KeptLease.#renewOnce",
        stands: 'if (answer.kind === "refused") { this.#lose(',
        instead: 'if (answer.kind === "refused") { if (this.#state.kind === "held") return 0; this.#lose(',
      },
    ],
  },
  {
    name: "an unsure renewal is taken for a loss",
    rule: "P16",
    edits: [
      { place: "lease/KeptLease.#renew", stands: "this.#lastFailure = error;", instead: "this.#lose(this.#expired()); throw error;" },
    ],
  },
  {
    name: "an unsure renewal is taken for a success",
    rule: "P16",
    edits: [
      {
        place: "lease/KeptLease.#renew",
        stands: "this.#lastFailure = error;",
        instead: "this.#asked = new Stopwatch(this.#blob.clock); this.#armDeadline(0); this.#planRenewal(0); throw error;",
      },
    ],
  },
  {
    name: "the deadline does not wait for an answer that has come",
    rule: "P10",
    edits: [
      {
        place: "lease/KeptLease.#onDeadline",
        stands: "this.#blob.clock.nextTurn(() => { if (this.#state.kind",
        instead: '["at once"].forEach(() => { if (this.#state.kind',
      },
    ],
  },
  {
    name: "the deadline is put off for longer than a renewal moved it",
    rule: "P10",
    edits: [
      {
        place: "lease/KeptLease.#putOff",
        stands: "this.#armDeadline(elapsedMs); return true;",
        instead: "this.#armDeadline(0); return true;",
      },
    ],
  },
  {
    name: "the release uses the caller's signal",
    rule: "P20",
    edits: [
      {
        place: "lease/KeptLeaseOptions",
        stands: "interface KeptLeaseOptions {",
        instead: "interface KeptLeaseOptions { readonly callers?: AbortSignal;",
      },
      {
        place: "lease/KeptLease.constructor",
        stands: "constructor(blob: LockBlob, { origin, granted, terms }: KeptLeaseOptions) {",
        instead:
          "readonly #callers: AbortSignal | undefined; constructor(blob: LockBlob, { origin, granted, terms, callers }: KeptLeaseOptions) { this.#callers = callers;",
      },
      {
        place: "lease/KeptLease.release",
        stands: "releaseLease(this.#blob, this.leaseId);",
        instead: "(this.#callers?.aborted ? Promise.reject(this.#callers.reason) : releaseLease(this.#blob, this.leaseId));",
      },
      {
        place: "waiting/Contender.#attemptToHold",
        stands: "new KeptLease(this.#blob, { origin: acquisition, granted, terms });",
        instead: "new KeptLease(this.#blob, { origin: acquisition, granted, terms, callers: this.#patience.signal });",
      },
    ],
  },
  {
    name: "a lost lease is released at once",
    rule: "P14",
    edits: [
      {
        place: "lease/KeptLease.#releaseWhenLapsed",
        stands: "this.#lapse = this.#setTimer(lapsesInMs,",
        instead: "this.#lapse = this.#setTimer(0 * lapsesInMs,",
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
          "this.leaseId = idsOf.get(blob.closing)?.get(blob.name) ?? blob.newId(); const ids = idsOf.get(blob.closing) ?? new Map<string, string>(); idsOf.set(blob.closing, ids.set(blob.name, this.leaseId));",
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
        instead: "if (isMutexError(error) && !isUnsure(error)) this.#settle(false); else this.#events.onUnsure();",
      },
      { place: "lease/TryEvents", stands: "onGranted(): void;", instead: "onGranted(): void; onUnsure(): void;" },
      {
        place: "lease/Acquisition.constructor",
        stands: "onGranted: () => this.#onGranted()",
        instead: "onGranted: () => this.#onGranted(), onUnsure: () => void this.#release(),",
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
        place: "src/Stopwatch.read",
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
        place: "lease/KeptLease.onWake",
        stands: "this.#armDeadline(elapsedMs); if (elapsedMs < this.terms.goodForMs) void",
        instead: "if (elapsedMs >= this.terms.goodForMs) this.#onDeadline(); else void",
      },
    ],
  },
  {
    name: "the lock is given without a look at the clock",
    rule: "P7",
    edits: [{ place: "waiting/Contender.#freshToken", stands: "await kept.freshen(this.#patience.signal);", instead: "" }],
  },
  {
    name: "a lock whose id was given out is handed on under it",
    rule: "P31",
    edits: [{ place: "waiting/LocalFirst.#end", stands: "if (!idGivenOut && isWithin &&", instead: "if (isWithin &&" }],
  },
  {
    name: "the token is taken from a record read before",
    rule: "P25",
    edits: [
      {
        place: "lease/FencingTokens.#record",
        stands: "let known = this.#ownWrite(request.seen) ?? this.#foresightOf(request.seen) ?? (await this.#read(blob, request, endure));",
        instead:
          "let known = this.#ownWrite(request.seen) ?? (this.#before && { ...this.#before, etag: request.seen.etag }) ?? (await this.#read(blob, request, endure)); this.#before = known;",
      },
      { place: "lease/FencingTokens.#highest", stands: "#highest = 0;", instead: "#highest = 0; #before: Known | undefined;" },
    ],
  },
  {
    name: "what was read while another held the lock counts whatever the ETag",
    rule: "P25",
    edits: [
      {
        place: "lease/FencingTokens.#foresightOf",
        stands: "return this.#foreseen?.etag === seen.etag ? { ...this.#foreseen, time: seen.time } : undefined;",
        instead: "return this.#foreseen && { ...this.#foreseen, ...seen };",
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
        instead: "store.writeMetadata(this.name, metadata, { ...on, ifMatch: (on.ifMatch && undefined) as never, signal: request })",
      },
    ],
  },
  {
    name: "a record that was wiped is replaced within the second",
    rule: "P28",
    edits: [{ place: "lease/SEED_AFTER_MS", stands: "const SEED_AFTER_MS = 2_000;", instead: "const SEED_AFTER_MS = 0;" }],
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
        place: "waiting/FirstCome.#handOver",
        stands: "kept.pause(); const waiting = await queue.waiting();",
        instead: "const waiting = await queue.waiting(); await kept.ensure(kept.terms.goodForMs - 1_500);",
      },
    ],
  },
  {
    name: "renewals go on during the hand-over",
    rule: "P41",
    edits: [{ place: "waiting/FirstCome.#handOver", stands: "kept.pause();", instead: "" }],
  },
  {
    name: "the holder does not wait until its own ticket is gone",
    rule: "P39",
    edits: [{ place: "waiting/FirstCome.#handOver", stands: "await lease.ticketGone;", instead: "" }],
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
        stands: "if (await this.#passOn(acquisition.leaseId)) return;",
        instead: 'if (acquisition.leaseId === "" && (await this.#passOn(acquisition.leaseId))) return;',
      },
    ],
  },
  {
    name: "a waiter that gives up takes the lock for given back though another has it",
    rule: "P43",
    edits: [{ place: "waiting/FairQueue.#passOnNow", stands: 'if (renewed.kind === "refused") return false;', instead: "" }],
  },
  {
    name: "a ticket that is being made is deleted, and counts as gone though it was not leased",
    rule: "P45",
    edits: [
      { place: "waiting/Ticket.leave", stands: "this.#joining.then(() => this.#delete())", instead: "this.#delete()" },
      {
        place: "waiting/Ticket.#delete",
        stands: "if (this.#isUndeletable ? await this.#endLease() : await this.#removeLeasedOrNot()) return;",
        instead: "await this.#remove(this.#leaseId); return;",
      },
    ],
  },
  {
    name: "a waiter that no listing shows does not ask for the lock",
    rule: "P37",
    edits: [{ place: "waiting/PlaceInLine.#look", stands: "this.#doubt.arises(now); return REJOIN_MS;", instead: "return REJOIN_MS;" }],
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
        place: "waiting/FirstCome.#handOver",
        stands: "return next && (await lease.changeTo(next.leaseId).finally(() => turn.leave()));",
        instead: 'return next && (await lease.changeTo(next.leaseId.replace(/^./, "f")).finally(() => turn.leave()));',
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
        place: "waiting/LocalFirst.#end",
        stands: "isWithin && lease.kept.isHeld && lease.passBy(turn)",
        instead: "isWithin && lease.passBy(turn)",
      },
      {
        place: "waiting/Contender.#settle",
        stands: "return lease.holdBy(this.#turn, await this.#freshToken(lease.kept), this.#succession);",
        instead:
          "const token = lease.share.handOvers === 0 ? await this.#freshToken(lease.kept) : this.#tokens.next(lease.kept.seen, this.#options.description); return lease.holdBy(this.#turn, token, this.#succession);",
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
        place: "lease/KeptLease.lostBecause",
        stands: 'return this.#state.kind === "held" && this.#overdue ? this.#expired()',
        instead: 'return this.#state.kind === "held" && !this.isHeld ? this.#expired()',
      },
    ],
  },
];
