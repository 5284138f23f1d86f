import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { diagnosisLines } from "../../../../src/cli/output/diagnosis-text.ts";
import { diagnosed } from "../../../support/diagnosed.ts";
import { DOCTOR_CASES, type DoctorCase } from "../../../support/doctor-cases.ts";
import { PROJECT } from "../../../support/sources.ts";

const caseOf = (what: string): DoctorCase => {
  const found = DOCTOR_CASES.find((one) => one.what === what);
  if (!found) throw new Error(`there is no case "${what}"`);
  return found;
};

it("is shown in docs/cli.md as it is printed for a SAS that may not delete", async () => {
  const [noDelete, noContainer] = [
    caseOf("without the right to delete"),
    caseOf("without the right to make containers"),
  ];
  const { diagnosis } = await diagnosed({
    ...noDelete,
    sas: "sv=2026-02-06&sr=c&sp=rwl&se=2100-01-01T00:00:00Z&sig=canary",
    play: async (serve, asked, double, count) =>
      (asked.operation === "create the container" ? noContainer : noDelete).play?.(serve, asked, double, count) ??
      serve(),
  });
  const page = readFileSync(join(PROJECT, "docs/cli.md"), "utf8");
  const [, shown] = /^## azmutex doctor\n[\s\S]*?\n```text\n([\s\S]*?)\n```\n/m.exec(page) ?? [];
  expect(diagnosisLines(diagnosis, { all: false, columns: 100 }).join("\n")).toBe(shown);
});
