import { describe, expect, it } from "vitest";
import type { RaceRecord } from "../../examples/demo/race-record.ts";
import { judge } from "../../examples/demo/verdict.ts";
import { handOversIn, holdsOf } from "../../lab/shared/race/holds.ts";
import type { Entry } from "../../lab/shared/race/journal.ts";
import { goodRun, runWithHold } from "./demo-run.ts";

const wrongIn = (run: RaceRecord): string[] =>
  judge(run)
    .filter(({ kind }) => kind === "wrong")
    .map(({ text }) => text);

describe("the demo's verdict", () => {
  it("finds nothing wrong with a good run, and says what it saw", () => {
    const findings = judge(goodRun());
    expect(findings.map(({ kind }) => kind)).toEqual(["right", "right", "right", "right", "right", "note"]);
    const words = findings.map(({ text }) => text).join("\n");
    expect(words).toContain("expected 500, and the file says 500");
    expect(words).toContain("501 holds, no two of them at once");
    expect(words).toContain("Every fencing token was higher than the last, 501 of 501");
    expect(words).toContain("worker 2 was killed between its read and its write; worker 6 did that increment");
    expect(words).toContain("worker 4 held the lock 15.0 s after the kill");
    expect(words).toContain("3,000 requests, 6.0 per increment; 1,234 of them");
  });

  it("says how many increments are lost", () => {
    expect(wrongIn(goodRun({ counted: 493 }))).toEqual([
      "The count is wrong: expected 500, but the file says 493: 7 increments lost.",
    ]);
    expect(wrongIn(goodRun({ counted: 501 }))).toEqual([
      "The count is wrong: expected 500, but the file says 501: 1 increment too many.",
    ]);
  });

  it("counts the killed worker's last increment if it reached the file, and says that the kill came too late", () => {
    const run = goodRun();
    const late = {
      ...run,
      holds: run.holds.slice(0, -1),
      crash: run.crash && { ...run.crash, inside: false, written: true },
    };
    expect(wrongIn(late)).toEqual([
      "The kill came too late: worker 2 died after its write had reached the file, so no takeover was seen.",
    ]);
  });

  it("sees a worker that entered while another was inside", () => {
    expect(wrongIn(runWithHold(5, { intruded: true }))).toEqual([
      "1 of 501 times a worker entered while another was inside.",
    ]);
  });

  it("sees a token that is missing or not higher than the last", () => {
    expect(wrongIn(runWithHold(5, { token: 7_004 }))).toEqual([
      "worker 1's fencing token 7004 is not higher than 7004, the one before.",
    ]);
    expect(wrongIn(runWithHold(5, { token: undefined }))).toEqual(["worker 1 held the lock without a fencing token."]);
  });

  it("misses a kill that never came, and a takeover", () => {
    expect(wrongIn(goodRun({ crash: undefined }))).toEqual(["No holder was killed, so no takeover was seen."]);
    const run = goodRun();
    expect(wrongIn({ ...run, holds: run.holds.slice(0, 101), counted: 100 })).toEqual([
      "400 of 500 increments were not made.",
      "worker 2 was killed inside, and no worker took over.",
    ]);
  });

  it("does not judge the count of a run that was cut short, but says why it was", () => {
    const run = goodRun();
    const cut = {
      ...run,
      trouble: "worker 3 ended by itself with status 1",
      holds: run.holds.slice(0, 40),
      counted: 41,
      crash: undefined,
    };
    expect(wrongIn(cut)).toEqual([
      "The run was cut short: worker 3 ended by itself with status 1.",
      "460 of 500 increments were not made.",
    ]);
    const afterTheTakeover = { ...run, trouble: "worker 6 was ended by SIGSEGV", holds: run.holds.slice(0, 300) };
    expect(judge(afterTheTakeover).map(({ text }) => text)).toContain(
      "worker 2 was killed between its read and its write.",
    );
    expect(wrongIn({ ...cut, holds: [] })).toContain("No worker got as far as an increment.");
  });

  it("shows two workers that spoilt each other's increment where there is no lock", () => {
    const run = runWithHold(1, { read: 0, intruded: true });
    const findings = judge({ ...run, locked: false, counted: 499, crash: undefined });
    expect(findings.map(({ text }) => text)).toContain(
      "For example, worker 1 and worker 2 both read 0 and both wrote 1.",
    );
    expect(findings.some(({ text }) => /token|request/.test(text))).toBe(false);
  });
});

describe("the demo's journal", () => {
  const enter = (worker: string, at: number, token?: number): Entry => ({
    kind: "enter",
    worker,
    at,
    askedAt: at - 1,
    ...(token && { token }),
  });
  const leave = (worker: string, at: number, read: number): Entry => ({ kind: "leave", worker, at, read });

  it("tells the holds in the order of its lines, whatever the clocks say", () => {
    const holds = holdsOf([enter("a", 10, 1), leave("a", 12, 0), enter("b", 9, 2), leave("b", 11, 1)]);
    expect(holds.map(({ worker, from, to, token, read }) => [worker, from, to, token, read])).toEqual([
      ["a", 10, 12, 1, 0],
      ["b", 9, 11, 2, 1],
    ]);
    expect(holds.some(({ intruded }) => intruded)).toBe(false);
    expect(handOversIn(holds)).toBe(1);
  });

  it("marks the one who enters while another is inside", () => {
    const holds = holdsOf([enter("a", 10), enter("b", 11), leave("a", 12, 0), leave("b", 13, 0)]);
    expect(holds.map(({ intruded }) => intruded)).toEqual([false, true]);
  });

  it("lets the killed one's hold end with its death, and not before", () => {
    const entries = [enter("a", 10), enter("b", 20), leave("b", 22, 0)];
    const [killed, heir] = holdsOf(entries, { worker: "a", at: 15 });
    expect(killed).toMatchObject({ to: 15, read: undefined, killed: true });
    expect(heir).toMatchObject({ intruded: false });
    expect(holdsOf(entries, { worker: "a", at: 21 })[1]).toMatchObject({ intruded: true });
  });
});
