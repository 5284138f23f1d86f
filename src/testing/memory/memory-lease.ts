import type { LossReason } from "../../errors.ts";
import type { LeaseLength, LeaseState, Refused } from "../../store/lease-store.ts";

/**
 * What the service keeps about a blob's lease. A lease that ran out stays on record: its id may still renew or release
 * it, until another program leases or writes the blob.
 */
type Kept =
  | { readonly kind: "none" }
  | { readonly kind: "leased"; readonly id: string; readonly length: LeaseLength; readonly endsAt: number }
  | { readonly kind: "breaking"; readonly id: string; readonly endsAt: number };

const NONE: Kept = { kind: "none" };

/**
 * The lease of one blob in memory, as documented for Azure. Times are milliseconds of whatever clock the caller reads;
 * ids are normalised by it.
 */
export class MemoryLease {
  #kept: Kept = NONE;

  state(now: number): LeaseState {
    const kept = this.#kept;
    switch (kept.kind) {
      case "none":
        return "available";
      case "leased":
        return now < kept.endsAt ? "leased" : "expired";
      case "breaking":
        return now < kept.endsAt ? "breaking" : "broken";
    }
  }

  /** Whether the blob is leased for ever. An infinite lease that is being broken no longer is. */
  get infinite(): boolean {
    return this.#kept.kind === "leased" && this.#kept.length === "infinite";
  }

  /** Whether the lease is the caller's from now on. */
  acquire(id: string, length: LeaseLength, now: number): boolean {
    if (this.#locked(now) && !(this.state(now) === "leased" && this.#isId(id))) return false;
    this.#kept = leased(id, length, now);
    return true;
  }

  renew(id: string, now: number): Refused | undefined {
    const kept = this.#kept;
    if (!this.#isId(id)) return MISMATCH;
    if (kept.kind !== "leased") return refusal("409 LeaseIsBrokenAndCannotBeRenewed", "broken");
    this.#kept = leased(kept.id, kept.length, now);
    return undefined;
  }

  release(id: string): Refused | undefined {
    if (!this.#isId(id)) return MISMATCH;
    this.#kept = NONE;
    return undefined;
  }

  change(id: string, newId: string, now: number): Refused | undefined {
    const kept = this.#kept;
    // The same answer for a lease that was broken as for one that ran out: the service does not tell them apart here.
    if (kept.kind === "none" || !this.#locked(now)) return refusal("409 LeaseNotPresentWithLeaseOperation", "expired");
    // A change is repeatable: the new id is as good as the old one.
    if (kept.id !== id && kept.id !== newId) return MISMATCH;
    if (kept.kind === "breaking") return refusal("409 LeaseIsBreakingAndCannotBeChanged", "broken");
    this.#kept = { ...kept, id: newId };
    return undefined;
  }

  /** How many milliseconds are left until another may acquire, or undefined if there is no lease to break. */
  break(periodMs: number | undefined, now: number): number | undefined {
    const kept = this.#kept;
    if (kept.kind === "none") return undefined;
    const left = kept.endsAt - now;
    // The rest of an infinite lease has no end to wait for.
    const period = Math.min(periodMs ?? (left === Infinity ? 0 : left), left);
    this.#kept = { kind: "breaking", id: kept.id, endsAt: now + Math.max(0, period) };
    return Math.max(0, period);
  }

  /** Whether a write of the blob that names this id, or none, is refused. */
  checkWrite(id: string | undefined, now: number): Refused | undefined {
    if (this.#locked(now)) {
      if (id === undefined) return refusal("412 LeaseIdMissing", "taken");
      return this.#isId(id) ? undefined : refusal("412 LeaseIdMismatchWithBlobOperation", "taken");
    }
    return id === undefined ? undefined : refusal("412 LeaseNotPresentWithBlobOperation", "expired");
  }

  /** The blob was written: a lease that no longer locks it is forgotten, and its id with it. */
  written(now: number): void {
    if (!this.#locked(now)) this.#kept = NONE;
  }

  #locked(now: number): boolean {
    return this.#kept.kind !== "none" && now < this.#kept.endsAt;
  }

  #isId(id: string): boolean {
    return this.#kept.kind !== "none" && this.#kept.id === id;
  }
}

const MISMATCH = refusal("409 LeaseIdMismatchWithLeaseOperation", "taken");

function refusal(status: string, why: LossReason): Refused {
  return { kind: "refused", why, status };
}

function leased(id: string, length: LeaseLength, now: number): Kept {
  return { kind: "leased", id, length, endsAt: length === "infinite" ? Infinity : now + length * 1000 };
}
