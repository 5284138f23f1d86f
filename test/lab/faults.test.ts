import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gradeOf, MARKS } from "../../lab/faults/cell.ts";
import { COLUMNS } from "../../lab/faults/columns.ts";
import { replaced } from "../../lab/faults/document.ts";
import {
  afterPause,
  ending,
  type Finding,
  freedom,
  jobEnd,
  keeping,
  loss,
  patience,
  repeating,
  type Seen,
  settling,
  voided,
  type Witness,
} from "../../lab/faults/findings.ts";
import type { Report } from "../../lab/faults/messages.ts";
import { ROWS } from "../../lab/faults/rows.ts";
import { HTTP } from "../../lab/shared/wire/http.ts";
import { commandBytes, RESP } from "../../lab/shared/wire/resp.ts";
import { PROJECT } from "../support/sources.ts";

const DOCUMENT = readFileSync(join(PROJECT, "docs/faults.md"), "utf8");
const LEASE_MS = 15_000;

/** The cells of a row of the document, its title not among them. */
function cellsOf(title: string): string[] {
  const line = DOCUMENT.split("\n").find((one) => one.startsWith(`| **${title}** |`));
  return (
    line
      ?.split("|")
      .slice(2, -1)
      .map((cell) => cell.trim()) ?? []
  );
}

function witness(...reports: Report[]): Witness {
  return {
    end: undefined,
    said: (kind) => reports.find((report): report is Extract<Report, { kind: typeof kind }> => report.kind === kind),
  };
}

/** A holder whose lease began at 0, and a rival who had the lock at `rivalsAt`. */
function seen(holder: readonly Report[], rivalsAt?: number, more: Partial<Seen> = {}): Seen {
  return {
    column: { leaseMs: LEASE_MS, asksEveryMs: 100 },
    holder: witness(...holder),
    rival: rivalsAt === undefined ? witness() : witness({ kind: "held", at: rivalsAt }),
    leaseEndsAt: LEASE_MS,
    faultAt: 2_000,
    ...more,
  };
}

const told = (at: number): Report => ({ kind: "told", at, why: "LOCK_LOST" });
const ended = (at: number): Report => ({ kind: "work ended", at });
const settled = (at: number, error?: string): Report => ({
  kind: "settled",
  at,
  ...(error === undefined ? {} : { error }),
});
const uncaught = (at: number): Report => ({ kind: "uncaught", at, origin: "unhandledRejection", error: "Error" });

function words(findings: readonly Finding[]): string {
  return `${MARKS[gradeOf(findings)]} ${findings.map(({ text }) => text).join("; ")}`;
}

describe("docs/faults.md", () => {
  it("has a row for every fault, and in it a cell with a mark for every library that ran", () => {
    expect(ROWS.length).toBeGreaterThanOrEqual(14);
    for (const { title } of ROWS) {
      const cells = cellsOf(title);
      expect(cells).toHaveLength(COLUMNS.length);
      for (const cell of cells) expect(cell).toMatch(/^(?:[✓○✗–] \S|not run: \S)/);
    }
  });

  it("says how every fault is made, and how every library is used", () => {
    const lines = DOCUMENT.replaceAll(/\n {2}(?=\S)/g, " ").split("\n");
    for (const { title, how } of ROWS) expect(lines).toContain(`- **${title}**: ${how}.`);
    for (const { name, used } of COLUMNS) {
      expect(lines.some((line) => line.startsWith(`- **${name}** `) && line.endsWith(`: ${used}.`))).toBe(true);
    }
  });

  it("has nothing bad to say of azmutex, which ran", () => {
    const ours = COLUMNS.findIndex(({ name }) => name === "azmutex");
    for (const { title } of ROWS) expect(cellsOf(title)[ours]).toMatch(/^[✓○] /);
  });

  it("is about the versions that are installed", () => {
    const { dependencies } = JSON.parse(readFileSync(join(PROJECT, "lab/shared/peers/package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    for (const { name, package: of } of COLUMNS)
      if (of !== undefined) expect(DOCUMENT).toContain(`- **${name}** ${dependencies[of]}: `);
  });

  it("keeps what was written around what is measured", () => {
    const one = { rows: [], columns: [], cells: [], ranOn: "Measured here." };
    const twice = replaced(replaced(DOCUMENT, one), one);
    expect(twice).toContain("Measured here.");
    expect(twice.split("## What was measured")[0]).toBe(DOCUMENT.split("## What was measured")[0]);
    expect(() => replaced("no place for it", one)).toThrow("has no part from");
  });

  it("keeps the rows that were not measured, if it has them and they ran on the same", () => {
    const [kept, measured] = ROWS;
    if (!kept || !measured) throw new Error("there are no rows");
    const ranOn = "Measured here.";
    const first = { rows: [kept], columns: COLUMNS.map((column) => ({ column, version: "1" })), cells: [], ranOn };
    const document = replaced(DOCUMENT, first).replace(`| **${kept.title}** |`, `| **${kept.title}** | as it was |`);
    const merged = replaced(document, { ...first, rows: [kept, measured], kept: [kept] });
    expect(merged).toContain(`| **${kept.title}** | as it was |`);
    expect(merged).toContain(`| **${measured.title}** |`);
    expect(() => replaced(document, { ...first, rows: [kept], kept: [measured] })).toThrow(
      `no row "${measured.title}"`,
    );
    expect(() => replaced(document, { ...first, rows: [kept], kept: [kept], ranOn: "Elsewhere." })).toThrow(
      "not measured as these were",
    );
  });

  it("leaves out of no column what is not a row", () => {
    const ids = ROWS.map(({ id }) => id);
    for (const { notFor } of COLUMNS) for (const id of Object.keys(notFor)) expect(ids).toContain(id);
  });
});

describe("a cell", () => {
  it.each([
    [
      "is good if the holder is told in time",
      loss(seen([told(12_500)], 15_300)),
      "✓ told 2.5 s before another can have it",
    ],
    [
      "is good if the holder hears it in time when it asks",
      loss(seen([{ kind: "asked: not held", at: 12_400 }, told(16_000)], 15_300)),
      "✓ told 2.6 s before another can have it",
    ],
    ["is bad if it is told late", loss(seen([told(17_000)], 15_300)), "✗ told 2.0 s late; two held for 1.7 s"],
    [
      "is bad if it is told after the lease, though no other process came",
      loss(seen([told(17_000)])),
      "✗ told 2.0 s late",
    ],
    [
      "is bad if it is never told",
      loss(seen([ended(35_000), settled(35_001)], 15_000)),
      "✗ never told; two held for 20.0 s, until the watching ended",
    ],
    [
      "is bad if its process dies",
      loss(seen([uncaught(12_000)], 15_000)),
      "✗ unhandled rejection kills the process, 3.0 s before another can have the lock",
    ],
    ["is good if the lock is kept", keeping(seen([ended(30_000), settled(30_001)], 30_500)), "✓ kept"],
    ["is dear if it is given up without need", keeping(seen([told(12_000)])), "○ given up 3.0 s before the lease ends"],
    [
      "is bad if another has the lock that it keeps",
      keeping(seen([ended(30_000), settled(30_001)], 20_000)),
      "✗ never told; two held for 10.0 s, until the watching ended",
    ],
    [
      "is bad if a call never returns",
      keeping(seen([ended(30_000)], 30_500)),
      "✗ kept; its call never returns (watched for 20.0 s)",
    ],
    [
      "is good if the lock is not certain for a moment and then kept",
      keeping(
        seen(
          [
            { kind: "asked: not held", at: 6_000 },
            { kind: "asked: held again", at: 6_900 },
            ended(30_000),
            settled(30_001),
          ],
          30_500,
        ),
      ),
      "✓ kept; not certain of it for 0.9 s",
    ],
    [
      "is dear if it is not certain for long",
      keeping(
        seen(
          [
            { kind: "asked: not held", at: 6_000 },
            { kind: "asked: held again", at: 9_000 },
            ended(30_000),
            settled(30_001),
          ],
          30_500,
        ),
      ),
      "○ kept; not certain of it for 3.0 s",
    ],
    [
      "is bad if another had the lock before it was certain again",
      keeping(
        seen(
          [
            { kind: "asked: not held", at: 16_000 },
            { kind: "asked: held again", at: 17_000 },
            ended(30_000),
            settled(30_001),
          ],
          15_100,
        ),
      ),
      "✗ told 1.0 s late; two held for 0.9 s",
    ],
    [
      "is good if the wait outlasts what it needs",
      [
        patience(
          seen([
            { kind: "asks", at: 0 },
            { kind: "held", at: 16_000 },
          ]),
          15_000,
        ),
      ],
      "✓ has it 1.0 s after that is over",
    ],
    [
      "is bad if the wait ends with an error meanwhile",
      [patience(seen([{ kind: "asks", at: 0 }, settled(4_700, "ACCESS_DENIED")]), 15_000)],
      "✗ rejects with ACCESS_DENIED after 4.7 s",
    ],
    [
      "is bad if the client never locks again",
      [repeating(seen([]), 45_000)],
      "✗ never has it again (watched for 20.0 s)",
    ],
    [
      "is good if the client locks again",
      [repeating(seen([{ kind: "settled again", at: 45_300 }]), 45_000)],
      "✓ has it again within 0.3 s",
    ],
    [
      "is good if a signal ends the process",
      [ending({ ...seen([]), holder: { ...witness(), end: { at: 2_150, code: null, signal: "SIGTERM" } } })],
      "✓ ends by the signal after 0.1 s",
    ],
    [
      "is bad if a signal does not end the process",
      [ending(seen([]))],
      "✗ the process does not end (watched for 20.0 s)",
    ],
    [
      "is good if a job has ended before another has the lock",
      [jobEnd(seen([], 5_000), 4_900, 9_000)],
      "✓ the job has ended",
    ],
    [
      "is bad if a job ends later",
      [jobEnd(seen([], 5_000), 6_000, 9_000)],
      "✗ the job works on; two at work for 1.0 s",
    ],
    [
      "is bad if a job does not end",
      [jobEnd(seen([], 5_000), 8_950, 9_000)],
      "✗ the job works on, until the watching ended; two at work for 4.0 s",
    ],
    [
      "is good if the work knows after a pause",
      afterPause(seen([{ kind: "resumed", at: 22_000, believes: false }, told(22_004)], 15_000)),
      "✓ knows as soon as it asks, told 4 ms later",
    ],
    [
      "is dear if it believes for a moment",
      afterPause(seen([{ kind: "resumed", at: 22_000, believes: true }, told(22_040)], 15_000)),
      "○ believes in it at first, told 40 ms later",
    ],
    [
      "is bad if it believes for long",
      afterPause(seen([{ kind: "resumed", at: 22_000, believes: true }, told(26_000)], 15_000)),
      "✗ told 4.0 s after it went on; two held for 4.0 s",
    ],
    [
      "is good if a voided lock is known of soon",
      voided(seen([told(5_000)], 2_100)),
      "✓ told 3.0 s later; two held for 2.9 s",
    ],
    [
      "is dear if it takes most of a lease",
      voided(seen([told(12_000)], 2_100)),
      "○ told 10.0 s later; two held for 9.9 s",
    ],
    ["is good if a lock is free", [freedom(seen([], 1_000), 0)], "✓ another has it 1.0 s later"],
    ["is bad if it is not", [freedom(seen([], 13_000), 0)], "✗ blocked for 13.0 s"],
    [
      "is bad if another error hides the work's",
      settling(seen([ended(0), settled(5, "Other")]), { error: "WorkError" }),
      "✗ Other instead of the work's error",
    ],
    [
      "is bad if the work's error is gone",
      settling(seen([ended(0), settled(5)]), { error: "WorkError" }),
      "✗ resolves though the work threw",
    ],
    [
      "is dear if there is an error for nothing",
      settling(seen([ended(0), settled(5, "Other")])),
      "○ rejects with Other, though all went well",
    ],
  ] as const)("%s", (_, findings, expected) => {
    expect(words(findings)).toBe(expected);
  });
});

describe("the proxy", () => {
  const HEAD = "HEAD /a HTTP/1.1\r\n\r\n";
  it.each([
    ["a command", RESP.requestLength, commandBytes(["SET", "key", "välue", "NX"])],
    ["a command without words", RESP.requestLength, commandBytes([])],
    ["nil", RESP.answerLength, "$-1\r\n"],
    ["several values", RESP.answerLength, "*2\r\n:1\r\n$2\r\nOK\r\n"],
    ["an error", RESP.answerLength, "-NOSCRIPT No matching script.\r\n"],
    ["a request with a body", HTTP.requestLength, "PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"],
    [
      "an answer in chunks",
      HTTP.answerLength,
      "HTTP/1.1 409 Conflict\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
    ["an answer with a body", HTTP.answerLength, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"],
  ] as const)("knows where %s ends, wherever it is cut", (_, lengthOf, text) => {
    const bytes = Buffer.from(text);
    const request = Buffer.from("GET /a HTTP/1.1\r\n\r\n");
    for (let cut = 1; cut < bytes.length; cut += 1) expect(lengthOf(bytes.subarray(0, cut), request)).toBeUndefined();
    expect(lengthOf(bytes, request)).toBe(bytes.length);
    expect(lengthOf(Buffer.concat([bytes, bytes]), request)).toBe(bytes.length);
  });

  it("expects no body in the answer to HEAD", () => {
    const answer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    expect(HTTP.answerLength(answer, Buffer.from(HEAD))).toBe(answer.length);
  });

  it("tells what a storage did from what it did not", () => {
    const isDone = (answer: string): boolean => RESP.isDone(Buffer.from(answer));
    expect(["+OK\r\n", ":1\r\n", "*2\r\n:1\r\n:15000\r\n"].map(isDone)).toEqual([true, true, true]);
    expect(["$-1\r\n", ":0\r\n", "-LOADING\r\n", "*2\r\n:0\r\n:1\r\n"].map(isDone)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(HTTP.isDone(Buffer.from("HTTP/1.1 201 Created\r\n\r\n"))).toBe(true);
    expect(HTTP.isDone(Buffer.from("HTTP/1.1 409 Conflict\r\n\r\n"))).toBe(false);
  });

  it("knows requests of a blob service by themselves, and commands by what their sender is about", () => {
    const renewal = Buffer.from("PUT /a/b/c?comp=lease HTTP/1.1\r\nx-ms-lease-action: renew\r\n\r\n");
    expect(HTTP.read(renewal, "acquire")).toEqual({ operation: "renew", method: "PUT", path: "/a/b/c?comp=lease" });
    expect(RESP.read(Buffer.from(commandBytes(["evalsha", "abc", "0"])), "release").operation).toBe("release");
    expect(RESP.read(Buffer.from(commandBytes(["INFO"])), "release").operation).toBe("other");
  });

  it("says not now in messages that are whole", () => {
    for (const request of [HEAD, HEAD.replace("HEAD", "PUT")].map((text) => Buffer.from(text))) {
      for (const answer of [HTTP.busy(request, 3), HTTP.gateway(request, 404)])
        expect(HTTP.answerLength(answer, request)).toBe(answer.length);
      expect(RESP.answerLength(RESP.busy(request), request)).toBe(RESP.busy(request).length);
    }
  });
});
