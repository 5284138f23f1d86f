import type { Chance } from "../shared/chance.ts";
import type { Kernel } from "./kernel.ts";
import { isAfter, type Referee, type Tenancy } from "./referee.ts";
import type { Trouble } from "./trouble.ts";

/** What is written under the lock. It refuses a token lower than one it has seen, and knows nothing else. */
export class Resource {
  readonly #kernel: Kernel;
  readonly #referee: Referee;
  readonly #chance: Chance;
  readonly #trouble: Trouble;
  readonly #highest = new Map<string, number>();
  readonly #latest = new Map<string, Tenancy>();
  writes = 0;

  constructor(kernel: Kernel, referee: Referee, chance: Chance, trouble: Trouble) {
    this.#kernel = kernel;
    this.#referee = referee;
    this.#chance = chance;
    this.#trouble = trouble;
  }

  /** A write is sent by a task that has just asked whether it holds the lock. It may be long on its way. */
  send(tenancy: Tenancy): void {
    const isLate = !this.#trouble.isOver && this.#chance.isOnce(0.3);
    this.#kernel.in(isLate ? this.#trouble.durationMs() : this.#chance.between(1, 30), () => this.#receive(tenancy));
  }

  #receive(tenancy: Tenancy): void {
    const { tokens, token } = tenancy.claim;
    if (tokens === undefined || token === undefined) return;
    if (token < (this.#highest.get(tokens) ?? 0)) return;
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
  }
}
