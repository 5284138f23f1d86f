// Shared by the programs of the matrix. They run in the consumer's folder, under the runtime in question, so they are
// plain JavaScript.
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { AZURITE_DEVIATIONS } from "azmutex/testing";

/** How this runtime starts a program, as a list of words. */
export const RUNTIME = JSON.parse(process.env.MATRIX_RUNTIME);
export const CONNECTION = process.env.AZURE_STORAGE_CONNECTION_STRING;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const freshKey = (name) => `${name}-${randomUUID().slice(0, 8)}`;

const CHECK_MS = 90_000;

/** Runs all checks at once, since most of them wait for leases, and prints each outcome as a line of JSON. */
export async function runChecks(checks) {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const began = performance.now();
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no result after ${CHECK_MS / 1_000} s`)), CHECK_MS);
      });
      const why = await Promise.race([check(), late]).then(
        () => undefined,
        (error) => String(error?.message ?? error).split("\n")[0],
      );
      clearTimeout(timer);
      return { name, ...(why !== undefined && { why }), ms: Math.round(performance.now() - began) };
    }),
  );
  for (const outcome of outcomes) console.log(`MATRIX ${JSON.stringify(outcome)}`);
  process.exit(0);
}

/** What a diagnosis finds in Azurite: what Azurite is known for. How busy this machine is says nothing of a runtime. */
export function isOfAzurite({ verdict, results, left }) {
  const found = results.filter(({ outcome, check }) => outcome === "finding" && check !== "speed").map(({ id }) => id);
  // No lease runs out while it looks.
  const known = Object.keys(AZURITE_DEVIATIONS).filter((name) => name !== "renewWithForeignIdOnExpiredLease");
  equal([verdict, found.sort(), left], ["findings", known.sort(), []], "verdict, findings and what is left");
}

export function equal(found, expected, what) {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`);
}

export function holds(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** As much of a test framework's `expect` as the store's contract needs. */
export const expect = (actual) => ({
  toBe: (expected) => strictEqual(actual, expected),
  toEqual: (expected) => deepStrictEqual(actual, expected),
  toBeGreaterThanOrEqual: (least) => ok(actual >= least, `${actual} is less than ${least}`),
  toBeLessThanOrEqual: (most) => ok(actual <= most, `${actual} is more than ${most}`),
});

export async function until(condition, what, ms = 45_000) {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(50);
  }
}

/** A process under the same runtime, or any other command. */
export function start(words, { env = {}, input = "ignore" } = {}) {
  const [file, ...args] = words;
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: [input, "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (err += data));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  ended.catch(() => undefined);
  const printed = (text) => until(() => out.includes(text) || child.exitCode !== null, `"${text}" in ${out} ${err}`);
  return { child, ended, printed, out: () => out, err: () => err };
}

export const program = (file, ...args) => [...RUNTIME, file, ...args];
export const command = (...args) => [...RUNTIME, "node_modules/azmutex/dist/cli/main.js", ...args];

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The processes that this one has started and that run. */
export function childrenOf(parent) {
  const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, ppid, stat]) => Number(ppid) === parent && !stat.startsWith("Z"));
}
