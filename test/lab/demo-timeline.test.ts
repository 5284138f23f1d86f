import { describe, expect, it } from "vitest";
import { timelineSvg } from "../../examples/demo/timeline/timeline.ts";
import { goodRun, runWithHold } from "./demo-run.ts";

/** Start tags that are not closed, in order: none, in a well-formed picture. */
function unclosed(svg: string): string[] {
  const open: string[] = [];
  for (const [, closing, name = "", rest = ""] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
    if (closing) expect(open.pop()).toBe(name);
    else if (!rest.endsWith("/")) open.push(name);
  }
  return open;
}

describe("the demo's timeline", () => {
  it("is one well-formed picture that needs nothing from outside", () => {
    const svg = timelineSvg(goodRun());
    expect(unclosed(svg)).toEqual([]);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(svg).not.toMatch(/<script|<image|href=|url\(|@import/);
  });

  it("reads itself out, and follows the reader's light or dark", () => {
    const svg = timelineSvg(goodRun());
    expect(svg).toContain('<title id="title">One lock, five processes, one of them killed</title>');
    expect(svg).toContain("worker 2 was killed at 2.0 s while it held the lock. worker 4 took over at 17.0 s");
    expect(svg).toContain("prefers-color-scheme: dark");
  });

  it("has a row for every process, the replacement's named for the worker it replaces", () => {
    const svg = timelineSvg(goodRun());
    for (const name of ["worker 1", "worker 2", "worker 3", "worker 4", "worker 5", "worker 6"])
      expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain(">for worker 2</text>");
  });

  it("has a bar for every hold", () => {
    const run = goodRun();
    const whole = timelineSvg(run).split("magnified")[0] ?? "";
    const bars = [...whole.matchAll(/<path d="([^"]+)" class="row\d"/g)].flatMap(([, d = ""]) => d.match(/M/g) ?? []);
    expect(bars).toHaveLength(run.holds.length);
  });

  it("marks the kill, the dead holder's lease and the takeover, and magnifies both moments", () => {
    const svg = timelineSvg(goodRun());
    expect(svg).toContain("SIGKILL at 2.0 s");
    expect(svg).toContain("lease of a dead holder, running out");
    expect(svg).toContain("worker 4 takes over at 17.0 s");
    expect(svg.match(/one second, magnified/g)).toHaveLength(2);
  });

  it("shows a loss, an intruder and a token that did not rise for what they are", () => {
    expect(timelineSvg(goodRun({ counted: 493 }))).toContain('class="figure bad">493 of 500<');
    expect(timelineSvg(runWithHold(5, { intruded: true }))).toContain('class="intruded"');
    expect(timelineSvg(runWithHold(5, { token: 1 }))).toContain("fencing tokens, not all rising");
  });

  it("can be drawn of a run that was cut short at any hold", () => {
    const run = goodRun();
    for (const length of [1, 50, 101, 102]) {
      const holds = run.holds.slice(0, length);
      const last = holds[holds.length - 1];
      const cut = { ...run, holds, endedAt: (last?.from ?? 0) + 1, ...(length < 101 && { crash: undefined }) };
      const svg = timelineSvg({ ...cut, trouble: "stuck" });
      expect(unclosed(svg)).toEqual([]);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    }
  });
});
