import { describe, expect, it } from "vitest";
import { parseSource, readSources, type Source } from "../support/sources.ts";

/** Every room may know itself and those above it. */
const FLOORS: readonly (readonly string[])[] = [
  ["errors.ts", "time", "runtime"],
  ["store"],
  ["telemetry"],
  ["blobs"],
  ["lease"],
  ["waiting"],
  ["status"],
  ["doctor"],
  ["locks"],
  ["recipes"],
  ["index.ts"],
];

/** Rooms that use the library like any user, with all they may know. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  testing: ["store", "errors.ts", "time", "runtime"],
  ui: ["status", "index.ts"],
  cli: ["ui", "status", "index.ts", "runtime"],
  "node-cron": ["index.ts"],
};

/** An arrow to a room outside: the doctor runs the contract that `testing` publishes. */
const EXCEPTIONS: readonly string[] = ["doctor -> testing"];

const SDK = "@azure/storage-blob";

/** Reading a clock, waiting by the clock, throwing dice. `new Date(ms)` only converts. */
const TIME_AND_CHANCE = new RegExp(
  [
    String.raw`\b(?:Date\.now|new Date\(\s*\)|new Date\b(?!\s*\()|Math\.random|performance\b|process\.hrtime)`,
    String.raw`\bAbortSignal\.timeout|\b(?:set|clear)(?:Timeout|Interval|Immediate)\b`,
    String.raw`["'](?:node:)?(?:timers(?:\/promises)?|perf_hooks)["']`,
  ].join("|"),
  "g",
);
/** The guardian's program is text, which runs in a process of its own. */
const MAY_READ_CLOCKS = new RegExp(
  [
    String.raw`^time\/clock\.ts$|^locks\/guardian\/guardian-program\.ts$`,
    String.raw`^testing\/(?:fake-clock|emulator[\w-]*)\.ts$|^(?:cli|ui\/page)\/time\.ts$`,
  ].join("|"),
);

/** The service's error codes, in strings or as names. Our own `LeaseAlreadyPresentError` is another word. */
const CODES = [
  String.raw`Lease(?:AlreadyPresent|AlreadyBroken|Lost|Id(?:Missing|Mismatch\w+))`,
  String.raw`Lease(?:Is(?:Breaking|Broken|Already)\w+|NotPresentWith\w+)`,
  String.raw`(?:Blob|Container)(?:NotFound|AlreadyExists|BeingDeleted|Disabled|Archived|Immutable\w*)`,
  "(?:Target)?ConditionNotMet|ServerBusy|OperationTimedOut|InternalError|AuthenticationFailed",
  String.raw`Authorization(?:Failure|\w+Mismatch)|InsufficientAccountPermissions`,
  "Account(?:IsDisabled|BeingCreated)|UnauthorizedBlobOverwrite",
];
const SERVICE_CODES = new RegExp(String.raw`\b(?:${CODES.join("|")})\b`, "g");
const MAY_NAME_CODES = /^(?:store\/azure\/blob-status\.ts|testing\/.+)$/;

const room = (path: string): string => path.split("/")[0] ?? path;
const floorOf = (name: string): number => FLOORS.findIndex((rooms) => rooms.includes(name));

function mayKnow(from: string, to: string): boolean {
  if (from === to || EXCEPTIONS.includes(`${from} -> ${to}`)) return true;
  if (from in OUTSIDE) return OUTSIDE[from]?.includes(to) ?? false;
  return floorOf(to) !== -1 && floorOf(to) <= floorOf(from);
}

const strayRooms = (sources: readonly Source[]): string[] =>
  sources.filter(({ path }) => floorOf(room(path)) === -1 && !(room(path) in OUTSIDE)).map(({ path }) => path);

const wrongArrows = (sources: readonly Source[]): string[] =>
  sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) => /\.tsx?$/.test(target) && !mayKnow(room(path), room(target)))
      .map(({ target }) => `${path} -> ${target}`),
  );

const loadsOfSdk = (sources: readonly Source[]): string[] =>
  sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ target, kind }) => /^@(?:azure|opentelemetry)\//.test(target) && kind !== "type")
      .map(({ target, kind }) => `${path}: ${kind} import of ${target}`),
  );

const found = (pattern: RegExp, allowed: RegExp, sources: readonly Source[]): string[] =>
  sources
    .filter(({ path }) => !allowed.test(path))
    .flatMap(({ path, code }) => [...code.matchAll(pattern)].map(([match]) => `${path}: ${match}`));

const sources = readSources();

describe("architecture", () => {
  it("finds the sources", () => {
    expect(sources.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["index.ts", "time/clock.ts", "store/azure/connect.ts", "testing/index.ts"]),
    );
    expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(sources.length);
  });

  it("has no file outside the rooms it knows", () => {
    expect(strayRooms(sources)).toEqual([]);
  });

  it("has arrows that point one way", () => {
    expect(wrongArrows(sources)).toEqual([]);
  });

  it("reads clocks, sets timers and throws dice in time/clock.ts and the time.ts of command and page alone", () => {
    expect(found(TIME_AND_CHANCE, MAY_READ_CLOCKS, sources)).toEqual([]);
  });

  it("loads the SDK, the login and the SDK's log in one file each, OpenTelemetry nowhere, on demand alone", () => {
    expect([...new Set(loadsOfSdk(sources))].sort()).toEqual([
      "cli/connection/connection.ts: dynamic import of @azure/identity",
      `store/azure/connect.ts: dynamic import of ${SDK}`,
      "store/azure/sdk-log.ts: dynamic import of @azure/logger",
    ]);
  });

  it("takes the process as a global: importing node:process reads its every property, and so makes its streams", () => {
    const importers = sources.filter(({ imports }) => imports.some(({ target }) => /^(?:node:)?process$/.test(target)));
    expect(importers.map(({ path }) => path)).toEqual([]);
  });

  it("names the service's error codes in store/azure/blob-status.ts, the memory store and testing alone", () => {
    expect(found(SERVICE_CODES, MAY_NAME_CODES, sources)).toEqual([]);
    expect(found(SERVICE_CODES, /^(?!store\/azure\/blob-status\.ts$)/, sources).length).toBeGreaterThan(10);
  });
});

describe("the architecture test itself", () => {
  const source = (path: string, code: string): Source[] => [parseSource(path, code)];

  it.each([
    ["lease/renewal.ts", 'import { Locker } from "../locks/locker.ts";'],
    ["waiting/hold.ts", 'import type { AzureMutex } from "../locks/azure-mutex.ts";'],
    ["errors.ts", 'export { x } from "./store/lease-store.ts";'],
    ["testing/faulty.ts", 'import {\n  type A,\n  b,\n} from "../waiting/backoff.ts";'],
    ["cli/main.ts", 'import "../locks/locker.ts";'],
    ["index.ts", 'const x = await import("./testing/index.ts");'],
    ["locks/azure-mutex.ts", 'import { x } from "../index.ts";'],
  ])("sees the wrong arrow in %s", (path, code) => {
    expect(wrongArrows(source(path, code))).toHaveLength(1);
  });

  it.each([
    ["lease/renewal.ts", 'import { sleep } from "../time/clock.ts"; import { x } from "./release.ts";'],
    ["index.ts", 'export { Locker } from "./locks/locker.ts";'],
    ["cli/main.ts", 'import { Locker } from "../index.ts"; // not "../locks/locker.ts"'],
    ["errors.ts", '// import { Locker } from "./locks/locker.ts";'],
  ])("accepts the arrows in %s", (path, code) => {
    expect(wrongArrows(source(path, code))).toEqual([]);
  });

  it.each([
    "const t = Date.now();",
    "const d = new Date();",
    "const d = new Date;",
    "setTimeout(f, 1);",
    "globalThis.setInterval(f, 1);",
    "const { setImmediate } = globalThis;",
    "const n = performance.now();",
    "f({ random = Math.random });",
    "const s = AbortSignal.timeout(5);",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code in a template is code
    "const s = `${Date.now()}`;",
    'import { setTimeout as sleep } from "node:timers/promises";',
  ])("sees time or chance in: %s", (code) => {
    expect(found(TIME_AND_CHANCE, MAY_READ_CLOCKS, source("lease/renewal.ts", code))).not.toEqual([]);
    expect(found(TIME_AND_CHANCE, MAY_READ_CLOCKS, source("time/clock.ts", code))).toEqual([]);
  });

  it.each([
    "const d = new Date(ms).toISOString();",
    "// Date.now() would jump",
    "const ms = Date.parse(header);",
    "interface A { date: Date }",
  ])("sees neither in: %s", (code) => {
    expect(found(TIME_AND_CHANCE, MAY_READ_CLOCKS, source("lease/renewal.ts", code))).toEqual([]);
  });

  it("tells loading the SDK from naming its types", () => {
    expect(loadsOfSdk(source("locks/locker.ts", `import type { ContainerClient } from "${SDK}";`))).toEqual([]);
    expect(loadsOfSdk(source("locks/locker.ts", `import { ContainerClient } from "${SDK}";`))).toHaveLength(1);
    // with verbatimModuleSyntax this loads the module
    expect(loadsOfSdk(source("locks/locker.ts", `import { type ContainerClient } from "${SDK}";`))).toHaveLength(1);
    expect(loadsOfSdk(source("locks/locker.ts", `const { x } = await import("${SDK}");`))).toHaveLength(1);
  });

  it("tells the service's codes from our own names", () => {
    expect(
      found(SERVICE_CODES, MAY_NAME_CODES, source("locks/locker.ts", 'if (code === "LeaseAlreadyPresent") return;')),
    ).toHaveLength(1);
    expect(
      found(SERVICE_CODES, MAY_NAME_CODES, source("locks/locker.ts", "const table = { BlobNotFound: 1 };")),
    ).toHaveLength(1);
    expect(
      found(
        SERVICE_CODES,
        MAY_NAME_CODES,
        source("locks/locker.ts", "throw new Error(`409 LeaseIdMismatchWithLeaseOperation`);"),
      ),
    ).toHaveLength(1);
    expect(
      found(SERVICE_CODES, MAY_NAME_CODES, source("errors.ts", 'readonly name = "LeaseAlreadyPresentError";')),
    ).toEqual([]);
  });
});
