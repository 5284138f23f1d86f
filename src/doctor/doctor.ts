import type { AccountProbe } from "../store/azure/account-probe.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import type { Sources } from "../time/clock.ts";
import type {
  DiagnoseOptions,
  Diagnosis,
  DiagnosisProgress,
  DoctorCheck,
  DoctorResult,
  DoctorRight,
  DoctorTerms,
} from "./diagnosis.ts";
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
  readonly terms: DoctorTerms;
  readonly options: DiagnoseOptions;
}

/** One run of a diagnosis: what its checks ask with, and what they have found. */
export class Doctor {
  readonly store: LeaseStore;
  readonly probe: AccountProbe | undefined;
  readonly sources: DoctorSources;
  readonly terms: DoctorTerms;
  readonly options: DiagnoseOptions;
  readonly requests: DoctorRequests;
  readonly blobs: HelperBlobs;
  /** What it found up to now. */
  readonly found: {
    results: DoctorResult[];
    rights: Partial<Record<DoctorRight, boolean>>;
    facts: Record<string, string>;
    measures: Record<string, number>;
    /** What could not be deleted again, besides the blobs. */
    left: string[];
    /** Set where the way in ends: the other checks are left out. */
    end: Exclude<Diagnosis["verdict"], "sound"> | undefined;
  } = { results: [], rights: {}, facts: {}, measures: {}, left: [], end: undefined };

  constructor({ store, probe, sources, terms, options }: DoctorSetup) {
    this.store = store;
    this.probe = probe;
    this.sources = sources;
    this.terms = terms;
    this.options = options;
    this.requests = new DoctorRequests(store, sources, terms.tryTimeoutMs, options.signal);
    this.blobs = new HelperBlobs(store, sources, terms.tryTimeoutMs);
  }

  ok(check: DoctorCheck, id: string, seen: string): void {
    this.found.results.push({ check, id, outcome: "ok", seen });
  }

  skip(check: DoctorCheck, id: string, why: string): void {
    this.found.results.push({ check, id, outcome: "skipped", seen: why });
  }

  finding(check: DoctorCheck, id: FindingId, seen: string): void {
    this.found.results.push({ check, id, outcome: "finding", seen, ...FINDINGS[id] });
  }

  /** A finding if something was seen, otherwise all is well. */
  look(check: DoctorCheck, id: FindingId, seen: string | undefined, otherwise: string): void {
    if (seen === undefined) this.ok(check, id, otherwise);
    else this.finding(check, id, seen);
  }

  progress(progress: DiagnosisProgress): void {
    this.options.onProgress?.(progress);
  }

  /** Whether the credentials have the right, as far as it was tried. */
  may(right: DoctorRight): boolean {
    return this.found.rights[right] !== false;
  }
}
