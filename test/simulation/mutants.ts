// Mistakes that a change to src/ could make. Each replaces one text by a wrong one, and breaks one rule of docs/protocol.md.

import type { ProtocolRule } from "./invariants.ts";

const RENEWAL = "src/lease/renewal.ts";
const ACQUISITION = "src/lease/acquisition.ts";
const FENCING = "src/lease/fencing.ts";
const CONTENDER = "src/waiting/contender.ts";
const PLACE = "src/waiting/place-in-line.ts";
const SUCCESSION = "src/waiting/succession.ts";
const HOLD = "src/waiting/hold.ts";
const TICKET = "src/waiting/ticket.ts";
const QUEUE = "src/waiting/fair-queue.ts";
const CLOCK = "src/clock.ts";

export interface Mutant {
  readonly name: string;
  /** The rule of docs/protocol.md that the mistake breaks. */
  readonly rule: ProtocolRule;
  /** Each text stands once in its file. */
  readonly edits: readonly (readonly [file: string, stands: string, instead: string])[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "the deadline counts from the answer of a renewal",
    rule: "P8",
    edits: [
      [
        RENEWAL,
        "    this.#asked = asked;\n    this.#lastFailure = undefined;",
        "    this.#asked = new Stopwatch(clock);\n    this.#lastFailure = undefined;",
      ],
    ],
  },
  {
    name: "the deadline counts from the answer of the acquire",
    rule: "P8",
    edits: [[ACQUISITION, "leaseId: this.leaseId, asked };", "leaseId: this.leaseId, asked: new Stopwatch(this.#blob.clock) };"]],
  },
  {
    name: "the deadline of a lease that is renewed by hand counts from the answer",
    rule: "P8",
    edits: [
      [
        "src/lease/manual-lease.ts",
        "    this.#asked = asked;\n  }\n\n  async #release",
        "    this.#asked = new Stopwatch(clock);\n  }\n\n  async #release",
      ],
    ],
  },
  {
    name: "no margin",
    rule: "P9",
    edits: [["src/options.ts", "  const goodForMs = leaseMs - marginMs;", "  const goodForMs = leaseMs;"]],
  },
  {
    name: "a refused renewal is tried again",
    rule: "P16",
    edits: [
      [
        RENEWAL,
        '    if (answer.kind === "refused") {\n      this.#lose(',
        '    if (answer.kind === "refused") {\n      if (this.#state.kind === "held") return false;\n      this.#lose(',
      ],
    ],
  },
  {
    name: "an unsure renewal is taken for a loss",
    rule: "P16",
    edits: [[RENEWAL, "        this.#lastFailure = error;\n", "        return this.#lose(this.#expired());\n"]],
  },
  {
    name: "an unsure renewal is taken for a success",
    rule: "P16",
    edits: [
      [
        RENEWAL,
        "        this.#lastFailure = error;\n",
        "        this.#asked = new Stopwatch(clock);\n        this.#armDeadline(0);\n        return this.#planRenewal(0);\n",
      ],
    ],
  },
  {
    name: "the deadline does not wait for an answer that has come",
    rule: "P10",
    edits: [
      [
        RENEWAL,
        "    this.#blob.clock.nextTurn(() => {\n      if (this.#state.kind",
        '    ["at once"].forEach(() => {\n      if (this.#state.kind',
      ],
    ],
  },
  {
    name: "the deadline is put off for longer than a renewal moved it",
    rule: "P10",
    edits: [[RENEWAL, "    this.#armDeadline(elapsedMs);\n    return true;", "    this.#armDeadline(0);\n    return true;"]],
  },
  {
    name: "the release uses the caller's signal",
    rule: "P20",
    edits: [
      [RENEWAL, "export interface KeptLeaseOptions {\n", "export interface KeptLeaseOptions {\n  readonly callers?: AbortSignal;\n"],
      [
        RENEWAL,
        "constructor(blob: LockBlob, { origin, granted, terms }: KeptLeaseOptions) {\n",
        "readonly #callers: AbortSignal | undefined;\n  constructor(blob: LockBlob, { origin, granted, terms, callers }: KeptLeaseOptions) {\n    this.#callers = callers;\n",
      ],
      [
        RENEWAL,
        "releaseLease(this.#blob, this.leaseId, this.terms.tryTimeoutMs);",
        "(this.#callers?.aborted ? Promise.reject(this.#callers.reason) : releaseLease(this.#blob, this.leaseId, this.terms.tryTimeoutMs));",
      ],
      [
        CONTENDER,
        "new KeptLease(this.#blob, { origin: acquisition, granted, terms });",
        "new KeptLease(this.#blob, { origin: acquisition, granted, terms, callers: this.#patience.signal });",
      ],
    ],
  },
  {
    name: "a lost lease is released at once",
    rule: "P14",
    edits: [[RENEWAL, "    this.#lapse = this.#setTimer(lapsesInMs, ", "    this.#lapse = this.#setTimer(0 * lapsesInMs, "]],
  },
  {
    name: "an abandoned acquisition is not released",
    rule: "P5",
    edits: [
      [
        ACQUISITION,
        "    if (unreachable) this.#lingering?.abort();\n    void inRootContext(() => this.#letGo(mayBeHanded));",
        "    if (unreachable) this.#lingering?.abort();\n    void mayBeHanded;",
      ],
    ],
  },
  {
    name: "a lease whose grant comes late is not released",
    rule: "P5",
    edits: [[ACQUISITION, "    if (granted && this.#letGone) void inRootContext(() => this.#release());\n", ""]],
  },
  {
    name: "an id is used again after its release",
    rule: "P2",
    edits: [
      [
        ACQUISITION,
        "    this.leaseId = blob.newId();",
        "    this.leaseId = idsOf.get(blob.store)?.get(blob.name) ?? blob.newId();\n    const ids = idsOf.get(blob.store) ?? new Map<string, string>();\n    idsOf.set(blob.store, ids.set(blob.name, this.leaseId));",
      ],
      [ACQUISITION, "const MOST_CREATIONS = 3;", "const MOST_CREATIONS = 3;\nconst idsOf = new WeakMap<object, Map<string, string>>();"],
    ],
  },
  {
    name: "an unanswered poll is released between two polls",
    rule: "P5",
    edits: [
      [
        ACQUISITION,
        "          if (isMutexError(error) && !isUnsure(error)) this.#settled(false);",
        "          if (isMutexError(error) && !isUnsure(error)) this.#settled(false);\n          else void this.#release();",
      ],
    ],
  },
  {
    name: "every poll has an id of its own",
    rule: "P1",
    edits: [
      [ACQUISITION, "  readonly leaseId: string;\n  readonly #blob", "  leaseId: string;\n  readonly #blob"],
      [ACQUISITION, "    const cut = new LazySignal();", "    this.leaseId = this.#blob.newId();\n    const cut = new LazySignal();"],
    ],
  },
  {
    name: "sleep is not noticed",
    rule: "P12",
    edits: [
      [
        CLOCK,
        "const sleptMs = Math.max(0, this.#clock.uptime() - this.#uptime - awakeMs);",
        "const sleptMs = 0 * (this.#clock.uptime() - this.#uptime);",
      ],
    ],
  },
  {
    name: "the holds are not told of a sleep",
    rule: "P12",
    edits: [
      [
        "src/lease/suspend-watch.ts",
        "if (this.#sleptMs <= SUSPEND_MS) return;",
        "if (this.#sleptMs <= SUSPEND_MS || this.#sleepers.size > 0) return;",
      ],
    ],
  },
  {
    name: "the deadline's timer sleeps on after a sleep",
    rule: "P12",
    edits: [
      [
        RENEWAL,
        "    this.#armDeadline(elapsedMs);\n    if (elapsedMs < this.terms.goodForMs) void",
        "    if (elapsedMs >= this.terms.goodForMs) this.#onDeadline();\n    else void",
      ],
    ],
  },
  {
    name: "the lock is given without a look at the clock",
    rule: "P7",
    edits: [[CONTENDER, "      await kept.freshen(this.#patience.signal);\n", ""]],
  },
  {
    name: "a lock whose id was given out is handed on under it",
    rule: "P31",
    edits: [[SUCCESSION, "if (!idGivenOut && isWithin && ", "if (isWithin && "]],
  },
  {
    name: "the token is taken from a record read before",
    rule: "P25",
    edits: [
      [
        FENCING,
        "    let known = this.#ownWrite(request.seen) ?? this.#foresightOf(request.seen) ?? (await this.#read(blob, request, endure));",
        "    let known = this.#ownWrite(request.seen) ?? (this.#before && { ...this.#before, etag: request.seen.etag }) ?? (await this.#read(blob, request, endure));\n    this.#before = known;",
      ],
      [FENCING, "  #highest = 0;\n", "  #highest = 0;\n  #before: Known | undefined;\n"],
    ],
  },
  {
    name: "what was read while another held the lock counts whatever the ETag",
    rule: "P25",
    edits: [
      [
        FENCING,
        "return this.#foreseen?.etag === seen.etag ? { ...this.#foreseen, time: seen.time } : undefined;",
        "return this.#foreseen && { ...this.#foreseen, ...seen };",
      ],
    ],
  },
  {
    name: "the block of tokens goes on whatever the ETag",
    rule: "P25",
    edits: [
      [
        FENCING,
        "own && own.etag === etag && own.next <= own.top",
        "own && (own.etag === etag || own.etag !== etag) && own.next <= own.top",
      ],
    ],
  },
  {
    name: "the record is written without If-Match",
    rule: "P26",
    edits: [
      [
        FENCING,
        "store.writeMetadata(name, metadata, { leaseId, ifMatch, signal: request })",
        "store.writeMetadata(name, metadata, { leaseId, ifMatch: (ifMatch && undefined) as unknown as string, signal: request })",
      ],
    ],
  },
  {
    name: "a record that was wiped is replaced within the second",
    rule: "P28",
    edits: [[FENCING, "const SEED_AFTER_MS = 2_000;", "const SEED_AFTER_MS = 0;"]],
  },
  {
    name: "tokens do not follow the service's time",
    rule: "P23",
    edits: [
      [
        FENCING,
        "  const floor = secondOf(serviceMs) * TOKENS_PER_SECOND;",
        "  const floor = serviceMs < 0 ? secondOf(serviceMs) * TOKENS_PER_SECOND : 0;",
      ],
    ],
  },
  {
    name: "the lease is renewed between the list and the hand-over",
    rule: "P41",
    edits: [
      [
        SUCCESSION,
        "    kept.pause();\n    const waiting = await queue.waiting();\n",
        "    const waiting = await queue.waiting();\n    await kept.ensure(kept.terms.goodForMs - 1_500);\n",
      ],
    ],
  },
  {
    name: "renewals go on during the hand-over",
    rule: "P41",
    edits: [[SUCCESSION, "    kept.pause();\n", ""]],
  },
  {
    name: "the holder does not wait until its own ticket is gone",
    rule: "P39",
    edits: [[SUCCESSION, "    await lease.ticketGone;\n", ""]],
  },
  {
    name: "a waiter that gives up lists before its ticket is deleted",
    rule: "P43",
    edits: [[QUEUE, "    await ticket?.leave();\n", "    void ticket?.leave();\n"]],
  },
  {
    name: "a waiter that gives up passes the lock on to no other waiter",
    rule: "P43",
    edits: [
      [
        QUEUE,
        "      if (await this.#passOn(acquisition.leaseId)) return;\n",
        '      if (acquisition.leaseId === "" && (await this.#passOn(acquisition.leaseId))) return;\n',
      ],
    ],
  },
  {
    name: "a waiter that gives up takes the lock for given back though another has it",
    rule: "P43",
    edits: [[QUEUE, '      if (renewed.kind === "refused") return false;\n', ""]],
  },
  {
    name: "a ticket that is being made is deleted, and counts as gone though it was not leased",
    rule: "P45",
    edits: [
      [TICKET, "this.#joining.then(() => this.#delete())", "this.#delete()"],
      [
        TICKET,
        "if (this.#isUndeletable ? await this.#endLease() : await this.#removeLeasedOrNot()) return;",
        "await this.#remove(this.#leaseId);\n        return;",
      ],
    ],
  },
  {
    name: "a waiter that no listing shows does not ask for the lock",
    rule: "P37",
    edits: [[PLACE, "      this.#doubt.arises(now);\n      return REJOIN_MS;", "      return REJOIN_MS;"]],
  },
  {
    name: "a lapsed ticket is not taken again",
    rule: "P38",
    edits: [
      [
        PLACE,
        "    this.#position = position < 0 ? undefined : position;\n    if (this.#position === undefined) {\n",
        "    this.#position = Math.max(1, position);\n    if (position < 0) {\n",
      ],
      [PLACE, "    if (!this.#ticket?.stands) this.#position = undefined;", "    if (!this.#ticket) this.#position = undefined;"],
    ],
  },
  {
    name: "a lock that is handed over is not asked for",
    rule: "P37",
    edits: [
      [
        SUCCESSION,
        "return next && (await lease.changeTo(next.leaseId).finally(() => turn.leave()));",
        'return next && (await lease.changeTo(next.leaseId.replace(/^./, "f")).finally(() => turn.leave()));',
      ],
    ],
  },
  {
    name: "a lock is handed on without a look at the clock",
    rule: "P7",
    edits: [
      [
        HOLD,
        "    const overdue = declared ? undefined : this.lostBecause;\n",
        "    const overdue = undefined as LockLostError | undefined;\n",
      ],
      [SUCCESSION, "isWithin && lease.kept.isHeld && lease.passBy(turn)", "isWithin && lease.passBy(turn)"],
      [
        CONTENDER,
        "      return lease.holdBy(this.#turn, await this.#freshToken(lease.kept), this.#succession);\n",
        "      const token = lease.share.handOvers === 0 ? await this.#freshToken(lease.kept) : this.#tokens.next(lease.kept.seen, this.#options.description);\n      return lease.holdBy(this.#turn, token, this.#succession);\n",
      ],
    ],
  },
  {
    name: "a lease that is uncertain is not shared",
    rule: "P12",
    edits: [["src/recipes/shared-lease.ts", "return !this.hold.ended && !this.hold.lostBecause;", "return this.hold.isHeld;"]],
  },
  {
    name: "what is uncertain is said to be lost",
    rule: "P12",
    edits: [
      [
        RENEWAL,
        'return this.#state.kind === "held" && this.#overdue ? this.#expired()',
        'return this.#state.kind === "held" && !this.isHeld ? this.#expired()',
      ],
    ],
  },
];
