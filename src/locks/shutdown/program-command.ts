import { basename } from "node:path";

/** How a program that is text is started as a process of its own. */
export interface ProgramCommand {
  readonly file: string;
  readonly args: string[];
  /** All of its environment. */
  readonly env: Record<string, string>;
}

/**
 * The variables that a process needs: Windows starts none without some of them, and others name the certificates to
 * trust.
 */
const MACHINE = [
  "SystemRoot",
  "NODE_EXTRA_CA_CERTS",
  "NODE_USE_SYSTEM_CA",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
];
/**
 * How the runtimes take a program as text. Any other executable is a program with one of them inside, which would start
 * anew.
 */
const RUNTIMES: readonly (readonly [executable: RegExp, evaluate: string])[] = [
  [/^(?:node(?:js)?[\d.-]*|bun)(?:\.exe)?$/i, "--eval"],
  [/^deno(?:\.exe)?$/i, "eval"],
];

/**
 * Other processes can read a process's arguments and environment: what is secret goes through its standard input alone.
 * Undefined where this process's executable is none that takes a program as text.
 */
export function programCommand(program: string): ProgramCommand | undefined {
  const { execPath: file, env } = process;
  const [, evaluate] = RUNTIMES.find(([executable]) => executable.test(basename(file))) ?? [];
  if (evaluate === undefined) return undefined;
  const kept = MACHINE.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { file, args: [evaluate, program], env: Object.fromEntries(kept) };
}
