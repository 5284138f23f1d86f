import type { Invariant } from "./invariants.ts";
import { short } from "./journal.ts";
import type { Sent, Witness } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { Request } from "./service.ts";

/** What a machine knows of a lease, by what it sent and what it was answered. */
export interface LeaseFacts {
  readonly machine: Machine;
  readonly name: string;
  /** The last request that was answered with the lease. */
  lastGood?: Sent | undefined;
  /** The same, if it is open whether the machine has slept since, as its clocks are too coarse to tell. */
  perhapsGood?: Sent;
  /** The most that it was seen to have slept since a request: a clock that is put back later does not undo that. */
  slept?: { readonly since: Sent | undefined; readonly ms: number };
  /** Whether anybody ever held what it is for. */
  wasHeld?: boolean;
  /** How a renewal of it, or a write under it, was refused, if one was. */
  refused?: string;
  /**
   * Whether the service refused to end it, because it was no more: a lease that is being broken stands until it lapses.
   */
  endRefused?: boolean;
  /** When it was granted though it had been given up, until it is given up again. */
  owedSince?: number | undefined;
  /** Under which operation it was given up, once that was sent. */
  givenUp?: string;
  /** Whether it was released when it had run out, by its machine's clock. */
  hasLapsed?: boolean;
  /** When it was last renewed. */
  renewedAt?: number;
  /** Answers that prolong it and that are not read yet, with the round of the event loop in which they came. */
  arrived: readonly { readonly sent: Sent; readonly round: number }[];
}

interface Answer {
  readonly kind?: string;
  readonly status?: string;
  readonly why?: string;
  readonly etag?: string;
  readonly blob?: { readonly etag: string };
}

/** How a ticket stands: its name ends with the lease id that its owner will have. */
interface TicketFacts {
  /** The last request that was answered with a lease on it. */
  sent: Sent | undefined;
  /** When it was last certain to be out of the queue. */
  goneAt: number | undefined;
  /** How many acquires of its lease have no answer yet: each may bring it back. */
  open: number;
}

interface TicketName {
  readonly folder: string;
  readonly of: string;
}

const TICKET = /^(.*\/)\d{15}-([^/]+)$/;
const TICKET_LEASE_MS = 60_000;
/** How far the two clocks of a machine part before it is taken to have slept. */
const SLEPT_MS = 1_000;
/** What is about that much may count as sleep or not: the clock that counts it does so in steps. */
const COARSE_MS = 10;

/**
 * The rules of the protocol that show in what is sent, and when. Every machine is watched at its own end of the way.
 */
export class WireRules implements Witness {
  readonly #facts = new Map<string, LeaseFacts>();
  readonly #idsOf = new Map<Machine, Set<string>>();
  readonly #tickets = new Map<string, TicketFacts>();
  /** Under which id a lease was granted that has another now, or was to be given it. */
  readonly #grantedAs = new Map<string, string>();
  readonly #seen = new Map<Machine, Map<string, Set<string>>>();
  readonly #names = new Map<string, TicketName | undefined>();
  readonly #folders = new Map<string, string>();
  /** By machine and folder: when the last list that was answered had been sent. */
  readonly #listed = new Map<Machine, Map<string, number>>();
  /**
   * The most that the clock of a machine that counts sleep ever showed: what was over by it stays so when it is put
   * back.
   */
  readonly #latest = new Map<Machine, number>();
  readonly #report: (rule: Invariant, how: string) => void;
  #count = 0;
  onRelease: (leaseId: string, facts: LeaseFacts) => void = () => undefined;

  constructor(report: (rule: Invariant, how: string) => void) {
    this.#report = report;
  }

  /** How many requests were sent. */
  get requests(): number {
    return this.#count;
  }

  facts(leaseId: string): LeaseFacts | undefined {
    return this.#facts.get(leaseId);
  }

  /** The id under which a lease was granted that may have another now. */
  grantedAs(leaseId: string): string {
    return this.#grantedAs.get(leaseId) ?? leaseId;
  }

  /** Whose lease it is, or may be. */
  machineOf(leaseId: string): Machine | undefined {
    return (this.#facts.get(leaseId) ?? this.#facts.get(this.grantedAs(leaseId)))?.machine;
  }

  leaseIdsOf(machine: Machine): Iterable<string> {
    return this.#idsOf.get(machine) ?? [];
  }

  /** Leases that were granted after they had been given up without an answer, and not given up again. */
  get owed(): readonly LeaseFacts[] {
    return [...this.#facts.values()].filter(({ owedSince, machine }) => owedSince !== undefined && !machine.isDead);
  }

  sent(machine: Machine, request: Request): Sent {
    this.#count += 1;
    const sent = { request, monotonic: machine.now(), uptime: machine.uptime(), count: this.#count };
    this.#latest.set(machine, Math.max(sent.uptime, this.#latest.get(machine) ?? 0));
    const { operation, leaseId } = request;
    if (operation === "writeMetadata" && !this.#seenBy(machine, request.name).has(request.ifMatch ?? "")) {
      this.#report("If-Match", `${machine.name} writes the record of ${request.name} whatever there is`);
    }
    if (leaseId === undefined) return sent;
    const facts = this.#factsOf(machine, request.name, leaseId);
    // A waiter that gives up what it never held asks by a renewal whether it is still there to be given away.
    if (facts.givenUp && (operation === "acquire" || (operation === "renew" && facts.wasHeld))) {
      this.#report(
        "given up is given up",
        `${machine.name} sends ${operation} of lease ${short(leaseId)} after its ${facts.givenUp}`,
      );
    }
    if (operation === "release") this.onRelease(leaseId, facts);
    if (operation === "renew") facts.renewedAt = this.#count;
    const isHandOver = operation === "change" && !this.#isRename(request);
    if (operation === "change" && !isHandOver) this.#grantedAs.set(request.newLeaseId ?? "", leaseId);
    if (isHandOver) this.#checkHandOver(machine, request, facts);
    if (operation === "release" || isHandOver) facts.givenUp = operation;
    if (operation !== "acquire") facts.owedSince = undefined;
    const ticket = this.#ticketIn(request.name);
    if (ticket) this.#folders.set(ticket.of, ticket.folder);
    if (ticket && operation === "acquire") this.#ticketOf(ticket.of).open += 1;
    return sent;
  }

  arrived(machine: Machine, sent: Sent, answer: { readonly kind?: string } | undefined): void {
    const { leaseId } = sent.request;
    const facts = leaseId === undefined ? undefined : this.#facts.get(leaseId);
    if (facts && isGood(answer)) facts.arrived = [...facts.arrived, { sent, round: machine.round }];
  }

  answered(machine: Machine, sent: Sent, answer: Answer | undefined): void {
    const { operation, name, leaseId } = sent.request;
    const etag = answer?.etag ?? answer?.blob?.etag;
    if (etag !== undefined) this.#seenBy(machine, name).add(etag);
    if (operation === "list" && answer) this.#listedOf(machine).set(name, sent.count);
    const ticketOf = this.#ticketIn(name)?.of;
    if (ticketOf !== undefined && answer) this.#ticketAnswered(this.#ticketOf(ticketOf), sent, answer);
    const facts = leaseId === undefined ? undefined : this.#facts.get(leaseId);
    if (!facts) return;
    if (operation === "acquire" && isGood(answer) && facts.givenUp && !facts.lastGood) facts.owedSince = this.#count;
    if (facts.arrived.length > 0) facts.arrived = facts.arrived.filter((waiting) => waiting.sent !== sent);
    if (isGood(answer) && (facts.lastGood?.count ?? 0) < sent.count) {
      const sleptMs = sleptSince(sent, machine);
      if (sleptMs <= SLEPT_MS) facts.lastGood = sent;
      if (sleptMs <= SLEPT_MS + COARSE_MS) facts.perhapsGood = sent;
    }
    if ((operation === "release" || operation === "change") && answer?.kind === "refused") facts.endRefused = true;
    if ((operation === "renew" || operation === "writeMetadata") && answer?.kind === "refused")
      facts.refused = answer.status ?? "refused";
    if (operation === "change" && answer?.kind === "changed" && this.#isRename(sent.request))
      this.#renamed(machine, sent.request, facts);
  }

  #ticketAnswered(ticket: TicketFacts, sent: Sent, answer: Answer): void {
    const { operation } = sent.request;
    if (operation === "acquire") ticket.open -= 1;
    const isDeleted = operation === "remove" && (answer.kind === "removed" || answer.why === "deleted");
    // P39: where it may not be deleted it leaves the queue with its lease, unless an acquire may bring that back.
    const isLeft = operation === "release" && ticket.open === 0;
    if (isDeleted || isLeft) ticket.goneAt = this.#count;
    if (!isGood(answer)) return;
    ticket.sent = sent;
    // What was sent before it was gone cannot have brought it back.
    if (ticket.goneAt !== undefined && sent.count >= ticket.goneAt) ticket.goneAt = undefined;
  }

  /** Whether the lease only gets another id: a waiter that is handed one has a ticket. */
  #isRename({ newLeaseId = "" }: Request): boolean {
    return !this.#folders.has(newLeaseId);
  }

  #renamed(machine: Machine, { name, newLeaseId = "" }: Request, facts: LeaseFacts): void {
    facts.givenUp = "change";
    this.#factsOf(machine, name, newLeaseId).lastGood = facts.lastGood;
  }

  /**
   * A holder that hands the lock over has listed the queue after its last renewal, and when its own ticket was gone.
   */
  #checkHandOver(machine: Machine, { leaseId = "", newLeaseId = "" }: Request, facts: LeaseFacts): void {
    const folder = this.#folders.get(newLeaseId);
    if (folder === undefined) return;
    const listedAt = this.#listedOf(machine).get(folder) ?? 0;
    const who = `${machine.name} hands over lease ${short(leaseId)}`;
    if ((facts.renewedAt ?? 0) > listedAt)
      this.#report("hand-over", `${who}, and has renewed it since it looked who is next`);
    const { sent, goneAt } = this.#tickets.get(this.grantedAs(leaseId)) ?? {};
    if (!sent) return;
    const uptime = this.#latest.get(machine) ?? 0;
    const lapsed = Math.max(machine.now() - sent.monotonic, uptime - sent.uptime) >= TICKET_LEASE_MS;
    if (lapsed || (goneAt !== undefined && goneAt <= listedAt)) return;
    this.#report("hand-over", `${who}, and looked who is next before its own ticket was gone`);
  }

  /** Whose ticket it is, and in which folder. A name is sent many times, and looked at once. */
  #ticketIn(name: string): TicketName | undefined {
    if (this.#names.has(name)) return this.#names.get(name);
    const [, folder, of] = TICKET.exec(name) ?? [];
    const ticket = folder === undefined || of === undefined ? undefined : { folder, of };
    this.#names.set(name, ticket);
    return ticket;
  }

  #ticketOf(leaseId: string): TicketFacts {
    const ticket = this.#tickets.get(leaseId) ?? { sent: undefined, goneAt: undefined, open: 0 };
    this.#tickets.set(leaseId, ticket);
    return ticket;
  }

  #factsOf(machine: Machine, name: string, leaseId: string): LeaseFacts {
    const found = this.#facts.get(leaseId);
    if (found) return found;
    const facts: LeaseFacts = { machine, name, arrived: [] };
    this.#facts.set(leaseId, facts);
    const ids = this.#idsOf.get(machine) ?? new Set();
    ids.add(leaseId);
    this.#idsOf.set(machine, ids);
    return facts;
  }

  /** The ETags of a blob that were ever in an answer to a machine. */
  #seenBy(machine: Machine, name: string): Set<string> {
    const all = this.#seen.get(machine) ?? new Map<string, Set<string>>();
    this.#seen.set(machine, all);
    const seen = all.get(name) ?? new Set<string>();
    all.set(name, seen);
    return seen;
  }

  #listedOf(machine: Machine): Map<string, number> {
    const listed = this.#listed.get(machine) ?? new Map<string, number>();
    this.#listed.set(machine, listed);
    return listed;
  }
}

/** How far the clocks parted since: after a second of it an answer to that request proves nothing. */
export function sleptSince(sent: Sent, machine: Machine): number {
  return machine.uptime() - sent.uptime - (machine.now() - sent.monotonic);
}

/** Whether an answer says that the lease stands. */
function isGood(answer: { readonly kind?: string } | undefined): boolean {
  return answer?.kind === "acquired" || answer?.kind === "renewed";
}
