import { isMutexError } from "../errors.ts";
import type { MutexTerms } from "../lease/terms.ts";
import { RESERVED_PREFIX } from "../store/azure/blob-name.ts";
import { isLeased, type LeaseStore } from "../store/lease-store.ts";
import { type Sources, settledWithin } from "../time/clock.ts";
import { DoctorRequests } from "./doctor-requests.ts";

/** Where a diagnosis makes its blobs. */
export const DOCTOR_FOLDER: string = `${RESERVED_PREFIX}doctor/`;
/** What an earlier run left, that was killed, is deleted when it is so old. */
const LEFT_BEHIND_MS = 10 * 60_000;
/** Deletion never takes the caller's signal, and gives up after so long. */
const LONGEST_CLEARING_MS = 20_000;

/** The blobs that a diagnosis makes: each is remembered, and deleted at the end whatever happened. */
export class HelperBlobs {
  readonly #store: LeaseStore;
  readonly #sources: Sources;
  readonly #terms: MutexTerms;
  readonly #folder: string;
  readonly #made = new Set<string>();

  constructor(store: LeaseStore, sources: Sources, terms: MutexTerms) {
    this.#store = store;
    this.#sources = sources;
    this.#terms = terms;
    this.#folder = `${DOCTOR_FOLDER}${sources.newId()}/`;
  }

  /** A name in the folder of this run. Nothing is made. */
  name(label: string): string {
    return `${this.#folder}${label}`;
  }

  /** The same for a blob that is about to be made. */
  toBeMade(label: string): string {
    const name = this.name(label);
    this.#made.add(name);
    return name;
  }

  gone(name: string): void {
    this.#made.delete(name);
  }

  /** Deletes what this run made, and what earlier ones left. Resolves with the names of what it could not delete. */
  async clear(canList: boolean): Promise<readonly string[]> {
    const requests = new DoctorRequests(this.#store, this.#sources, this.#terms);
    const work = Promise.all([
      ...[...this.#made].map((name) => this.#remove(requests, name)),
      ...(canList && this.#made.size > 0 ? [this.#sweep(requests)] : []),
    ]).catch(() => undefined);
    await settledWithin(this.#sources.clock, LONGEST_CLEARING_MS, work);
    return [...this.#made].sort();
  }

  async #remove(requests: DoctorRequests, name: string): Promise<void> {
    try {
      // A lease of ours may stand, under an id that only its check knows.
      const ended = await requests.ask("break", name, (signal) =>
        this.#store.break(name, { periodSeconds: 0, signal }),
      );
      if (ended.kind !== "missing")
        await requests.ask("remove", name, (signal) => this.#store.remove(name, { signal }));
      this.#made.delete(name);
    } catch (error) {
      if (!isMutexError(error)) throw error;
      // It stays, and the diagnosis names it.
    }
  }

  async #sweep(requests: DoctorRequests): Promise<void> {
    const old: string[] = [];
    await requests.ask("list", DOCTOR_FOLDER, async (signal) => {
      for await (const { key, date, lastModified, leaseState } of this.#store.list(DOCTOR_FOLDER, { signal })) {
        const isOurs = key.startsWith(this.#folder);
        if (!isOurs && !isLeased(leaseState) && date - lastModified > LEFT_BEHIND_MS) old.push(key);
      }
    });
    await Promise.all(old.map((name) => this.#remove(requests, name)));
  }
}
