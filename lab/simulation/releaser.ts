import { spaceOf } from "../../src/locks/mutex.ts";
import { Chance } from "../shared/chance.ts";
import type { Member } from "./crowd.ts";
import type { Journal } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import type { Service } from "./service.ts";

export interface ReleaserOptions {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly journal: Journal;
  readonly service: Service;
}

/** How long after a death a release may arrive, in milliseconds: at once, or when others have had the lease. */
const LATE_MS = [100, 2_000, 90_000] as const;

/**
 * What releases the leases of a machine that died, as a guardian, a watchdog or the next process does: by their ids,
 * one to three times each, at once or long after another holder came.
 */
export class Releaser {
  readonly #of: ReleaserOptions;
  readonly #chance: Chance;
  /** How many releases have freed a lease, and how many found it another's or free. */
  freed = 0;
  refused = 0;

  constructor(options: ReleaserOptions) {
    this.#of = options;
    this.#chance = new Chance(options.seed, "releases of the dead");
  }

  /** The machine runs no more. What it had, or may have had, is released. */
  died({ machine, mutex }: Member): void {
    for (const { name, leaseId } of spaceOf(mutex).standing) {
      for (let times = 1 + this.#chance.upTo(2); times > 0; times -= 1) {
        const afterMs = this.#chance.between(0, this.#chance.oneOf(LATE_MS));
        this.#of.kernel.in(afterMs, () => void this.#release(machine.name, name, leaseId));
      }
    }
  }

  async #release(dead: string, name: string, leaseId: string): Promise<void> {
    const { service, journal } = this.#of;
    const answer = await service.serve({
      operation: "release",
      name,
      leaseId,
      ask: (store) => store.release(name, leaseId),
    });
    const { kind } = answer as { readonly kind: string };
    if (kind === "released") this.freed += 1;
    else this.refused += 1;
    journal.note("releaser", () => `releases what ${dead} had of ${name}: ${kind}`);
  }
}
