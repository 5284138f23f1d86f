import { isMutexError } from "../../errors.ts";
import type { Doctor } from "../doctor.ts";
import { HelperBlob } from "../helper-blob.ts";
import { ARGUMENT_CASES } from "./argument-cases.ts";
import { type ConditionCase, LeaseIds, RULE_CASES } from "./condition-cases.ts";

const CASES: readonly ConditionCase[] = [...RULE_CASES, ...ARGUMENT_CASES];

/** Whether the service keeps the rules that locks stand on. Each case has a blob of its own. */
export async function checkConditions(doctor: Doctor): Promise<void> {
  if (doctor.options.readOnly) return doctor.skip("conditions", "takes writing, which readOnly leaves out");
  if (!doctor.may("write")) return doctor.skip("conditions", "takes the right to write");
  // Each waits for its own answers alone.
  const looks = await Promise.all(CASES.map((one) => tryCase(doctor, one)));
  for (const report of looks) report();
}

/** Tries one rule. Returns what reports it. */
async function tryCase(doctor: Doctor, { id, otherwise, needsProbe, see }: ConditionCase): Promise<() => void> {
  if (needsProbe && !doctor.probe) return () => doctor.skip(id, "takes a request that this store has not");
  const blob = await HelperBlob.make(doctor, id);
  try {
    const seen = await see(blob, new LeaseIds(doctor.sources.newId), doctor);
    return () => doctor.look(id, seen, otherwise);
  } catch (error) {
    // A policy that forbids writing is the account's: its check names it.
    if (!isMutexError(error) || error.code !== "STORE_REFUSED") throw error;
    return () => doctor.skip(id, `it cannot be tried: ${error.message}`);
  }
}
