import type { StoreAddress } from "../store/store-address.ts";
import { CHECKS, type Diagnosis, type DoctorResult, type FindingSeverity } from "./diagnosis.ts";

const SEVERITY_ORDER: readonly (FindingSeverity | undefined)[] = ["unsafe", "failing", "notice", undefined];
const OUTCOME_ORDER: readonly DoctorResult["outcome"][] = ["finding", "ok", "skipped"];

/** Findings first, the gravest of them first; the rest in the order of the checks. */
export function ranked(results: readonly DoctorResult[]): readonly DoctorResult[] {
  const rank = ({ outcome, severity, check }: DoctorResult): number =>
    (OUTCOME_ORDER.indexOf(outcome) * SEVERITY_ORDER.length + SEVERITY_ORDER.indexOf(severity)) * CHECKS.length +
    CHECKS.indexOf(check);
  return results.toSorted((one, other) => rank(one) - rank(other));
}

/** The diagnosis without the names of host, account and container, which messages of errors have in them. */
export function withoutNames(diagnosis: Diagnosis, address: StoreAddress | undefined): Diagnosis {
  if (!address) return diagnosis;
  const { account, host, container } = address;
  const [hostname = ""] = host.split(":");
  const accountName = account.split("/").at(-1) ?? account;
  const names: readonly (readonly [string, string])[] = [
    [`${account}/${container}`, "<account>/<container>"],
    [host, "<host>"],
    [hostname, "<host>"],
    [account, "<account>"],
    [accountName, "<account>"],
  ];
  // One may be a part of another.
  const sorted = names.toSorted(([one], [other]) => other.length - one.length);
  const clean = (text: string): string => sorted.reduce((left, [name, mark]) => replaced(left, name, mark), text);
  const cleanAll = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, clean(text)]));
  return {
    ...diagnosis,
    results: diagnosis.results.map((result) => ({ ...result, seen: clean(result.seen) })),
    facts: cleanAll(diagnosis.facts),
  };
}

/** As a whole word: a name that is short may be a part of others. */
function replaced(text: string, name: string, mark: string): string {
  const escaped = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return text.replaceAll(new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`, "g"), mark);
}
