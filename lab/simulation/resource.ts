import type { Chance } from "../shared/chance.ts";
import type { Kernel } from "./kernel.ts";
import { type Claim, isAfter, type Referee, type Tenancy } from "./referee.ts";
import type { Trouble } from "./trouble.ts";

interface Sent {
  readonly claim: Claim;
  readonly at: number;
  received: { readonly at: number; readonly isAccepted: boolean } | undefined;
}

/** What is written under the lock. It refuses a token lower than one it has seen, and knows nothing else. */
export class Resource {
  readonly #kernel: Kernel;
  readonly #referee: Referee;
  readonly #chance: Chance;
  readonly #trouble: Trouble;
  readonly #highest = new Map<string, number>();
  readonly #latest = new Map<string, Tenancy>();
  writes = 0;
  /** Every write that was sent, with when it came in, in true time, and whether it was accepted then. */
  readonly sent: Sent[] = [];

  constructor(kernel: Kernel, referee: Referee, chance: Chance, trouble: Trouble) {
    this.#kernel = kernel;
    this.#referee = referee;
    this.#chance = chance;
    this.#trouble = trouble;
  }

  /** A write is sent by a task that has just asked whether it holds the lock. It may be long on its way. */
  send(tenancy: Tenancy): void {
    const isLate = !this.#trouble.isOver && this.#chance.isOnce(0.3);
    const sent: Sent = { claim: tenancy.claim, at: this.#kernel.now, received: undefined };
    this.sent.push(sent);
    this.#kernel.in(isLate ? this.#trouble.durationMs() : this.#chance.between(1, 30), () => {
      sent.received = { at: this.#kernel.now, isAccepted: this.#receive(tenancy) };
    });
  }

  #receive(tenancy: Tenancy): boolean {
    const { tokens, token } = tenancy.claim;
    if (tokens === undefined || token === undefined || token < (this.#highest.get(tokens) ?? 0)) return false;
    this.writes += 1;
    this.#highest.set(tokens, token);
    const latest = this.#latest.get(tokens);
    const isComparable =
      latest &&
      !(latest.isExcused && latest.leaseId === undefined) &&
      !(tenancy.isExcused && tenancy.leaseId === undefined);
    if (isComparable && isAfter(latest.order, tenancy.order)) {
      this.#referee.report(
        "stale write",
        `a write under token ${token} of ${tokens} was accepted after one of a later holder (${latest.claim.token})`,
      );
    }
    this.#latest.set(tokens, tenancy);
    return true;
  }
}
