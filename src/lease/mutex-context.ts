import type { LeaseStore } from "../store/lease-store.ts";
import type { StoreAddress } from "../store/store-address.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Clock, Sources } from "../time/clock.ts";
import { Closing } from "./closing.ts";
import { HelperRemovals } from "./helper-removals.ts";
import { RenewalTurns } from "./renewal-turns.ts";
import { Requests } from "./requests.ts";
import { StandingLeases } from "./standing-leases.ts";

export interface MutexContextOptions extends Pick<MutexContext, "store" | "telemetry" | "log"> {
  readonly sources: Sources;
}

/** What all blobs of one mutex share. */
export class MutexContext implements Sources {
  readonly store: LeaseStore;
  readonly #sources: Sources;
  /** Measures what happens. Never throws. */
  readonly telemetry: Telemetry;
  /** Takes a line for people. Never throws, and is never given a secret. */
  readonly log: (message: string) => void;
  readonly requests: Requests;
  readonly standing: StandingLeases = new StandingLeases();
  /** Whether the mutex grants locks. */
  readonly closing: Closing = new Closing();
  readonly removals: HelperRemovals;
  /** Limits how many renewals of the mutex are under way at once. */
  readonly renewals: RenewalTurns;

  constructor({ store, sources, telemetry, log }: MutexContextOptions) {
    this.store = store;
    this.#sources = sources;
    this.telemetry = telemetry;
    this.log = log;
    this.requests = new Requests(store, sources.clock, telemetry);
    this.removals = new HelperRemovals(sources.clock);
    this.renewals = new RenewalTurns(sources.clock);
  }

  get clock(): Clock {
    return this.#sources.clock;
  }

  get random(): () => number {
    return this.#sources.random;
  }

  get newId(): () => string {
    return this.#sources.newId;
  }

  /** Where the blobs are, for people. */
  get address(): StoreAddress | undefined {
    return this.store.address;
  }
}
