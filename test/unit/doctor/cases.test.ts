import { describe, expect, it } from "vitest";
import { diagnosed } from "../../support/diagnosed.ts";
import { DOCTOR_CASES } from "../../support/doctor-cases.ts";
import { everythingPrinted } from "../../support/printed.ts";

const EXIT_CODES = { sound: 0, findings: 1, unreachable: 69, denied: 77 };

describe("a diagnosis of an account with one thing wrong", () => {
  it.each(DOCTOR_CASES)("names $what", async (one) => {
    const { diagnosis, double, left } = await diagnosed(one);
    const found = diagnosis.results.filter(({ outcome }) => outcome === "finding");
    expect(found.map(({ id, seen }) => `${id}: ${seen}`).sort()).toEqual(
      one.finds.map((id) => expect.stringMatching(new RegExp(`^${id}: `))),
    );
    expect(EXIT_CODES[diagnosis.verdict]).toBe(one.exitCode);
    for (const { means, advice, link } of found) expect([means, advice, link]).not.toContain(undefined);
    expect(everythingPrinted(diagnosis)).not.toMatch(/canary/i);
    expect(everythingPrinted(diagnosis)).not.toMatch(/\bacme\b/);
    // What is left is named, and nothing else is.
    const blobs: string[] = [];
    for await (const { key } of double.memory.list("")) blobs.push(key);
    expect(blobs).toEqual(left);
    expect(diagnosis.left).toEqual(left);
  });
});
