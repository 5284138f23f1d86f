import { describe, expect, it } from "vitest";
import { diagnosed } from "../../support/diagnosed.ts";
import { DOCTOR_CASES, type DoctorCase } from "../../support/doctor-cases.ts";

const caseOf = (what: string): DoctorCase => {
  const found = DOCTOR_CASES.find((one) => one.what === what);
  if (!found) throw new Error(`there is no case "${what}"`);
  return found;
};

describe("the contract, as a diagnosis runs it", () => {
  it("holds where the service keeps to its documentation, in under ten minutes, and leaves no container", async () => {
    let last = { done: 0, of: 0 };
    const { diagnosis, double } = await diagnosed(caseOf("an account on which all is well"), {
      contract: true,
      onProgress: ({ check, done, of }) => {
        if (check === "contract") last = { done, of };
      },
    });
    const ofContract = diagnosis.results.filter(({ check }) => check === "contract");
    expect(ofContract).toEqual([expect.objectContaining({ id: "contract", outcome: "ok" })]);
    expect(last.of).toBeGreaterThan(50);
    expect(last.done).toBe(last.of);
    const asked = double.asked.filter(({ url }) => url.includes("azmutex-doctor-"));
    const [first, final] = [asked[0]?.at ?? 0, asked.at(-1)?.at ?? 0];
    expect(final - first).toBeLessThan(600_000);
    expect(await double.furtherContainers()).toEqual([]);
  });

  it("names each case that does not hold", async () => {
    const { diagnosis, double } = await diagnosed(caseOf("renewals of dead leases are granted"), { contract: true });
    const cases = diagnosis.results.filter(({ id }) => id === "contract-case");
    expect(cases.length).toBeGreaterThan(3);
    for (const { seen } of cases) expect(seen).toMatch(/renew/i);
    expect(await double.furtherContainers()).toEqual([]);
  });

  it("is skipped with a credential for one container", async () => {
    const sas = new URLSearchParams({ sv: "2026-02-06", sr: "c", sp: "rwdl", sig: "x" }).toString();
    const { diagnosis } = await diagnosed({ ...caseOf("an account on which all is well"), sas }, { contract: true });
    const [contract] = diagnosis.results.filter(({ check }) => check === "contract");
    expect(contract).toMatchObject({ outcome: "skipped", seen: expect.stringContaining("make containers") });
  });
});
