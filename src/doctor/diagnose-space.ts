import { DEFAULTS } from "../lease/terms.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import { type Clock, type Sources, systemSources } from "../time/clock.ts";
import { diagnose } from "./diagnose.ts";
import type { DiagnoseOptions, Diagnosis } from "./diagnosis.ts";
import { systemDoctorSources } from "./system-sources.ts";

/** What a diagnosis takes of a mutex. */
export interface DiagnosedSpace {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly tryTimeoutMs: number;
}

/** Diagnoses the account of a mutex, on the terms of a lock that states none. */
export function diagnoseSpace(space: DiagnosedSpace, options: DiagnoseOptions): Promise<Diagnosis> {
  const { store, clock, random, tryTimeoutMs } = space;
  const sources: Sources = { clock, random, newId: systemSources.newId };
  const leaseMs = DEFAULTS.leaseSeconds * 1_000;
  const terms = {
    leaseSeconds: DEFAULTS.leaseSeconds,
    renewEveryMs: leaseMs / DEFAULTS.renewalsPerLease,
    marginMs: leaseMs / DEFAULTS.marginsPerLease,
    tryTimeoutMs,
  };
  return diagnose({ store, sources: systemDoctorSources(sources, store), terms }, options);
}
