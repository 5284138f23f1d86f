import type { LeaseTerms } from "../lease/terms.ts";
import type { AccountProbe } from "../store/azure/account-probe.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import type { Sources } from "../time/clock.ts";
import type { DiagnoseOptions, Diagnosis, DoctorCheck, DoctorResult, DoctorRight } from "./diagnosis.ts";
import { DoctorRequests } from "./doctor-requests.ts";
import { FINDINGS, type FindingId } from "./findings/all.ts";
import { HelperBlobs } from "./helper-blobs.ts";

/** What a diagnosis learns from the machine, and tests replace. */
export interface DoctorSources extends Sources {
  /** Milliseconds since 1970 by this machine's wall clock. */
  readonly wallTime: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the clock's `uptime` goes on during suspend. */
  readonly countsSuspend: boolean;
  /** The addresses of a host. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
  /** The version of an installed package, if it is. */
  readonly versionOf: (name: string) => string | undefined;
  /** Whether the client of the store is of the copy of the SDK that azmutex loads. Undefined if that is not known. */
  readonly isOneSdk: () => Promise<boolean | undefined>;
}

export interface DoctorSetup {
  readonly store: LeaseStore;
  readonly probe: AccountProbe | undefined;
  readonly sources: DoctorSources;
  readonly terms: LeaseTerms;
  readonly options: DiagnoseOptions;
}

/** What the checks of one diagnosis share: what they ask with, and what they have found. */
export interface DoctorRun extends DoctorSetup {
  readonly requests: DoctorRequests;
  readonly blobs: HelperBlobs;
  /** What was found up to now. */
  readonly found: {
    results: DoctorResult[];
    rights: Partial<Record<DoctorRight, boolean>>;
    facts: Record<string, string>;
    measures: Record<string, number>;
    /** What could not be deleted again, besides the blobs. */
    left: string[];
    /** Set where the way in ends: the other checks are left out. */
    end: Exclude<Diagnosis["verdict"], "sound"> | undefined;
  };
}

export function doctorRun(setup: DoctorSetup): DoctorRun {
  const { store, sources, terms, options } = setup;
  return {
    ...setup,
    requests: new DoctorRequests(store, sources, terms, options.signal),
    blobs: new HelperBlobs(store, sources, terms),
    found: { results: [], rights: {}, facts: {}, measures: {}, left: [], end: undefined },
  };
}

/** A diagnosis as one of its checks sees it. What the check reports here bears its name. */
export class Doctor implements DoctorRun {
  readonly check: DoctorCheck;
  readonly store: LeaseStore;
  readonly probe: AccountProbe | undefined;
  readonly sources: DoctorSources;
  readonly terms: LeaseTerms;
  readonly options: DiagnoseOptions;
  readonly requests: DoctorRequests;
  readonly blobs: HelperBlobs;
  readonly found: DoctorRun["found"];

  constructor(check: DoctorCheck, run: DoctorRun) {
    this.check = check;
    this.store = run.store;
    this.probe = run.probe;
    this.sources = run.sources;
    this.terms = run.terms;
    this.options = run.options;
    this.requests = run.requests;
    this.blobs = run.blobs;
    this.found = run.found;
  }

  ok(id: string, seen: string): void {
    this.found.results.push({ check: this.check, id, outcome: "ok", seen });
  }

  skip(id: string, why: string): void {
    this.found.results.push({ check: this.check, id, outcome: "skipped", seen: why });
  }

  finding(id: FindingId, seen: string): void {
    this.found.results.push({ check: this.check, id, outcome: "finding", seen, ...FINDINGS[id] });
  }

  /** A finding if something was seen, otherwise all is well. */
  look(id: FindingId, seen: string | undefined, otherwise: string): void {
    if (seen === undefined) this.ok(id, otherwise);
    else this.finding(id, seen);
  }

  /** So many of the check's cases are done. */
  progress(done: number, of: number): void {
    this.options.onProgress?.({ check: this.check, done, of });
  }

  /** Whether the credentials have the right, as far as it was tried. */
  may(right: DoctorRight): boolean {
    return this.found.rights[right] !== false;
  }
}
