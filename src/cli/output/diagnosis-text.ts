import type { Diagnosis, DoctorCheck, DoctorResult, FindingSeverity } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { type Paint, terminal } from "../terminal/terminal.ts";
import { type Cell, tableLines } from "./table.ts";

export const CHECK_TITLES: Readonly<Record<DoctorCheck, string>> = Object.freeze({
  wayIn: "way in",
  permissions: "permissions",
  conditions: "conditions",
  clocks: "clocks",
  account: "account",
  speed: "speed",
  leaseTimes: "lease times",
  runtime: "runtime",
  contract: "contract",
});

const MARKS: Readonly<Record<DoctorResult["outcome"], string>> = Object.freeze({ ok: "✓", finding: "✗", skipped: "–" });
const SEVERITY_PAINTS: Readonly<Record<FindingSeverity, Paint>> = Object.freeze({
  unsafe: "red",
  failing: "red",
  notice: "yellow",
});
const SUMS: Readonly<Record<Diagnosis["verdict"], string>> = Object.freeze({
  sound: "sound: nothing was found that stands against locks here",
  findings: "findings",
  unreachable: "the service is not reached: the rest could not be looked at",
  denied: "the service refuses access: the rest could not be looked at",
});

interface Shown {
  /** Whether each thing that was looked at is shown, and not only each check. */
  readonly all: boolean;
  readonly columns: number;
}

/** A diagnosis for people: the checks, the rights, then each finding with what to do. */
export function diagnosisLines(diagnosis: Diagnosis, { all, columns }: Shown): readonly string[] {
  const { results, place } = diagnosis;
  const findings = results.filter(({ outcome }) => outcome === "finding");
  const rows = (Object.keys(CHECK_TITLES) as DoctorCheck[]).flatMap((check) => {
    const ofCheck = results.filter((result) => result.check === check);
    if (all) return ofCheck.map((result) => [...titled(check, result.outcome), { text: printable(result.seen) }]);
    return ofCheck.length === 0 ? [] : [checkRow(check, ofCheck)];
  });
  const room = { columns, cuts: [undefined, undefined, { cut: "end", atLeast: 20 } as const] };
  return [
    ...(place === undefined ? [] : [printable(place)]),
    ...tableLines(rows, room),
    ...rightsLines(diagnosis),
    ...findings.flatMap((finding, index) => ["", ...findingLines(finding, index + 1)]),
    "",
    diagnosis.verdict === "findings" ? countedFindings(findings) : SUMS[diagnosis.verdict],
  ];
}

function titled(check: DoctorCheck, outcome: DoctorResult["outcome"]): Cell[] {
  const paint = outcome === "finding" ? "red" : outcome === "ok" ? "green" : "dim";
  return [{ text: MARKS[outcome], paint }, { text: CHECK_TITLES[check] }];
}

function checkRow(check: DoctorCheck, results: readonly DoctorResult[]): Cell[] {
  const found = results.filter(({ outcome }) => outcome === "finding");
  const kept = results.filter(({ outcome }) => outcome === "ok");
  const [skipped] = results;
  if (found.length === 0 && kept.length === 0)
    return [...titled(check, "skipped"), { text: printable(skipped?.seen ?? "") }];
  const [only] = kept;
  const text =
    found.length > 0
      ? found.map(({ id }) => id).join(", ")
      : kept.length === 1
        ? only?.seen
        : `${kept.length} of ${kept.length}`;
  return [...titled(check, found.length > 0 ? "finding" : "ok"), { text: printable(text ?? "") }];
}

/** What these credentials may do, and what that is not enough for. */
function rightsLines({ rights, features }: Diagnosis): readonly string[] {
  const tried = Object.entries(rights);
  if (tried.length === 0) return [];
  const marks = (pairs: readonly (readonly [string, boolean | undefined])[]): string =>
    pairs.map(([name, has]) => `${name} ${MARKS[has ? "ok" : "finding"]}`).join("  ");
  const missing = Object.entries(features).filter(([, works]) => !works);
  return [
    "",
    `rights        ${marks(tried)}`,
    ...(missing.length === 0 ? [] : [`out of reach  ${missing.map(([feature]) => feature).join("; ")}`]),
  ];
}

function findingLines({ id, severity = "notice", seen, means, advice, link }: DoctorResult, number: number): string[] {
  return [
    `${number}. ${terminal.paint(SEVERITY_PAINTS[severity], severity)}  ${terminal.paint("bold", id)}`,
    ...Object.entries({ seen, means, do: advice, see: link }).flatMap(([name, text]) =>
      text === undefined ? [] : [`   ${name.padEnd(6)} ${printable(text)}`],
    ),
  ];
}

function countedFindings(findings: readonly DoctorResult[]): string {
  const counts = (Object.keys(SEVERITY_PAINTS) as FindingSeverity[]).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${severity === "notice" && count > 1 ? "s" : ""}`];
  });
  return `${SUMS.findings}: ${counts.join(", ")}`;
}
