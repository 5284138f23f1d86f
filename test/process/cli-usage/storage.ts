import { afterAll, expect, type TestContext } from "vitest";
import { Cli, type CliEnd, type CliOptions } from "../../support/cli.ts";
import type { LineEnd } from "../../support/command-lines.ts";
import { Storage } from "../../support/storage.ts";

export const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());
export const STORAGE = { AZURE_STORAGE_CONNECTION_STRING: storage.proxy.connectionString };
export const KEY = Buffer.alloc(64, 7).toString("base64");

export const end = (test: TestContext, args: readonly string[], options?: CliOptions): Promise<CliEnd> =>
  new Cli(test, args, options).ended;

/** What a command says that cannot go on: one line, on standard error alone. */
export function refusedBy({ code, out, err }: Pick<LineEnd, "code" | "out" | "err">, exitCode: number): string {
  expect({ code, out }).toEqual({ code: exitCode, out: "" });
  expect(err).toMatch(/^azmutex: [^\n]+\n(?:\([^\n]+\)\n)?$/);
  return err.slice("azmutex: ".length).trimEnd();
}

/** The same of a process of its own. */
export async function refusal(
  test: TestContext,
  args: readonly string[],
  exitCode: number,
  env: Readonly<Record<string, string>> = STORAGE,
) {
  const { code, out, err, ...times } = await end(test, args, { env });
  return { text: refusedBy({ code: code ?? Number.NaN, out, err }, exitCode), ...times };
}

export const NEVER_RUN = ["--", "sh", "-c", "echo it ran"];
export const connectionString = (text: string): Record<string, string> => ({ AZURE_STORAGE_CONNECTION_STRING: text });
export const account = (
  name: string,
  rest: Readonly<Record<string, string>> = { AZURE_STORAGE_KEY: KEY },
): Record<string, string> => ({
  AZURE_STORAGE_ACCOUNT: name,
  ...rest,
});
