import { defaultTerms, type MutexTerms } from "../lease/terms.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import { type Clock, type Sources, systemSources } from "../time/clock.ts";
import { diagnose } from "./diagnose.ts";
import type { DiagnoseOptions, Diagnosis } from "./diagnosis.ts";
import { systemDoctorSources } from "./system-sources.ts";

/** What a diagnosis takes of a mutex. */
export interface DiagnosedSpace extends MutexTerms {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Diagnoses the account of a mutex, on the terms of a lock that states none. */
export function diagnoseSpace(space: DiagnosedSpace, options: DiagnoseOptions): Promise<Diagnosis> {
  const { store, clock, random } = space;
  const sources: Sources = { clock, random, newId: systemSources.newId };
  return diagnose({ store, sources: systemDoctorSources(sources, store), terms: defaultTerms(space) }, options);
}
