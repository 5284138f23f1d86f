import { isMutexError } from "../errors.ts";
import type { LeaseTerms } from "../lease/terms.ts";
import { probeOf } from "../store/azure/account-probe.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import { checkAccount } from "./checks/account.ts";
import { checkClocks } from "./checks/clocks.ts";
import { checkConditions } from "./checks/conditions.ts";
import { checkContract } from "./checks/contract.ts";
import { checkLeaseTimes } from "./checks/lease-times.ts";
import { checkPermissions } from "./checks/permissions.ts";
import { checkRuntime } from "./checks/runtime.ts";
import { checkSpeed } from "./checks/speed.ts";
import { checkWayIn } from "./checks/way-in.ts";
import { CHECKS, type DiagnoseOptions, type Diagnosis, type DoctorCheck } from "./diagnosis.ts";
import { Doctor, type DoctorRun, type DoctorSources, doctorRun } from "./doctor.ts";
import { featuresWith } from "./features.ts";
import { ranked, withoutNames } from "./report.ts";

type Check = (doctor: Doctor) => Promise<void>;

/** Each check is registered here, with the name that its results bear. */
const RUN: Readonly<Record<DoctorCheck, Check>> = Object.freeze({
  wayIn: checkWayIn,
  permissions: checkPermissions,
  conditions: checkConditions,
  clocks: checkClocks,
  account: checkAccount,
  speed: checkSpeed,
  leaseTimes: checkLeaseTimes,
  runtime: checkRuntime,
  contract: checkContract,
});
/** It needs no service. */
const ALWAYS: readonly DoctorCheck[] = ["wayIn", "runtime"];

/** What a diagnosis is made of. */
export interface Examined {
  readonly store: LeaseStore;
  readonly sources: DoctorSources;
  /** What the account is held to: the terms of a lock that states none. */
  readonly terms: LeaseTerms;
}

/**
 * Runs the checks one after the other. Rejects with the reason of `options.signal`, after what it made is deleted; and
 * with what cannot be looked past: an SDK that is not installed.
 */
export async function diagnose({ store, sources, terms }: Examined, options: DiagnoseOptions): Promise<Diagnosis> {
  await store.prepare?.();
  const run = doctorRun({ store, probe: await probeOf(store), sources, terms, options });
  const at = new Date(sources.wallTime()).toISOString();
  let left: readonly string[] = [];
  try {
    for (const [done, check] of CHECKS.entries()) {
      options.signal?.throwIfAborted();
      if (run.found.end !== undefined && !ALWAYS.includes(check)) continue;
      options.onProgress?.({ check, done, of: CHECKS.length });
      await finished(new Doctor(check, run));
    }
  } finally {
    left = [...(await run.blobs.clear(run.found.rights.list === true)), ...run.found.left];
    if (left.length > 0) options.onLeft?.(left);
  }
  return reportOf(run, { at, left });
}

/** Runs a check. What it cannot finish because the service does not answer, or refuses, is a finding. */
async function finished(doctor: Doctor): Promise<void> {
  try {
    await RUN[doctor.check](doctor);
  } catch (error) {
    doctor.options.signal?.throwIfAborted();
    if (!isMutexError(error)) throw error;
    doctor.finding("unfinished", error.message);
  }
}

function reportOf(run: DoctorRun, { at, left }: { readonly at: string; readonly left: readonly string[] }): Diagnosis {
  const { results, rights, facts, measures, end } = run.found;
  const { withNames = false } = run.options;
  const { address } = run.store;
  const hasFindings = results.some(({ outcome }) => outcome === "finding");
  const diagnosis: Diagnosis = {
    format: 1,
    at,
    verdict: end ?? (hasFindings ? "findings" : "sound"),
    ...(withNames && address && { place: address.name }),
    results: ranked(results),
    rights,
    features: featuresWith(rights),
    facts,
    measures,
    left,
  };
  return withNames ? diagnosis : withoutNames(diagnosis, address);
}
