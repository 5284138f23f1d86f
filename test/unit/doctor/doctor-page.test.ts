import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FINDINGS } from "../../../src/doctor/findings/all.ts";
import { DOCTOR_CASES } from "../../support/doctor-cases.ts";
import { readDocuments } from "../../support/documents.ts";
import { PROJECT } from "../../support/sources.ts";

const PAGE = join(PROJECT, "docs/doctor.md");
const TYPES = readFileSync(join(PROJECT, "src/doctor/diagnosis.ts"), "utf8");
/** `MAKE_DOCS=1 npx vitest run --project unit test/unit/doctor/doctor-page.test.ts` writes the tables. */
const MAKES = process.env.MAKE_DOCS === "1";

const table = (head: string, rows: readonly (readonly (string | number)[])[]): string =>
  `${head}\n${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;

const FINDINGS_TABLE = table(
  "| finding | severity | means |\n|---|---|---|",
  Object.entries(FINDINGS).map(([id, { severity, means }]) => [`\`${id}\``, severity, means]),
);
const CASES_TABLE = table(
  "| what is wrong | finding | exit code |\n|---|---|--:|",
  DOCTOR_CASES.map(({ what, finds, exitCode }) => [what, finds.map((id) => `\`${id}\``).join(", "), exitCode]),
);

/** The page with a table behind its comment. */
function withTable(page: string, name: string, made: string): string {
  const comment = `<!-- ${name}: made by test/unit/doctor/doctor-page.test.ts -->`;
  expect(page).toContain(comment);
  return page.replace(new RegExp(`${comment}\\n(?:\\n(?:\\|.*\\n)+)?`), () => `${comment}\n\n${made}`);
}

/** The fields of an interface of the report. */
const fieldsOf = (name: string): string[] => {
  const body = new RegExp(`^export interface ${name} \\{\\n((?:.*\\n)*?)\\}$`, "m").exec(TYPES)?.[1] ?? "";
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = ""]) => field);
};

const page = readFileSync(PAGE, "utf8");

describe("docs/doctor.md", () => {
  it("has every finding and every case in its tables", () => {
    const made = withTable(withTable(page, "findings", FINDINGS_TABLE), "cases", CASES_TABLE);
    if (MAKES) writeFileSync(PAGE, made);
    else expect(page).toBe(made);
  });

  it("plays at least 25 cases, each finding of one account at least once", () => {
    expect(DOCTOR_CASES.length).toBeGreaterThanOrEqual(25);
    expect(new Set(DOCTOR_CASES.map(({ what }) => what)).size).toBe(DOCTOR_CASES.length);
  });

  it.each(["Diagnosis", "DoctorResult"])("has every field of %s, in its order", (name) => {
    const rows = [...page.matchAll(/\| field \| \|\n\|---\|---\|\n((?:\|.*\n)+)/g)].map(([, body = ""]) =>
      [...body.matchAll(/^\| `(\w+)` \|/gm)].map(([, field = ""]) => field),
    );
    expect(fieldsOf(name).length).toBeGreaterThan(5);
    expect(rows).toContainEqual(fieldsOf(name));
  });
});

describe("the links of findings", () => {
  const documents = readDocuments(PROJECT);

  it.each(Object.entries(FINDINGS))("%s leads to a section that exists", (_, { link }) => {
    const [path, anchor] = link.split("#");
    const document = documents.find((found) => found.path === path);
    expect(document).toBeDefined();
    if (anchor !== undefined) expect([...(document?.anchors ?? [])]).toContain(anchor);
  });
});
