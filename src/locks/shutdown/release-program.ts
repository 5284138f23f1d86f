import { basename } from "node:path";

/** How long a request may take, and the longest that the end of a process is delayed, in milliseconds. */
export const LONGEST_MS = 2_000;
/** How many requests are under way at once. */
const CONNECTIONS = 50;

/**
 * JavaScript that defines `sendReleases(requests, { timeout })`, a part of programs that release leases in another
 * process. It sends each `ReleaseRequest` once, and resolves with those that the service has not answered. Whether the
 * lease still was that process's makes no difference. It never rejects. It is text, and not a function, because it has
 * to run just the same from the sources as from the compiled package and from a bundle.
 */
export const SEND_RELEASES: string = [
  "const sendReleases = async (requests, { timeout }) => {",
  "  const agents = {};",
  "  const send = ({ url, headers }) => new Promise((resolve) => {",
  "    const { protocol } = new URL(url);",
  '    const { request, Agent } = process.getBuiltinModule(protocol === "https:" ? "node:https" : "node:http");',
  `    agents[protocol] ??= new Agent({ keepAlive: true, maxSockets: ${CONNECTIONS} });`,
  '    const sent = request(url, { method: "PUT", headers, agent: agents[protocol], timeout }, (answer) => {',
  '      const isService = answer.headers["x-ms-request-id"] !== undefined;',
  "      answer.resume();",
  "      resolve(isService && [200, 404, 409, 412].includes(answer.statusCode));",
  "    });",
  '    sent.on("timeout", () => sent.destroy()).on("error", () => resolve(false)).end();',
  "  });",
  "  const areAnswered = await Promise.all(requests.map((one) => send(one).catch(() => false)));",
  "  for (const agent of Object.values(agents)) agent.destroy();",
  "  return requests.filter((_, index) => !areAnswered[index]);",
  "};",
].join("\n");

/**
 * The program of the process that releases leases. It reads the requests, which are secret, from its standard input,
 * and exits with 0 if the service has answered each of them.
 */
export const RELEASE_PROGRAM: string = [
  '"use strict";',
  // A Ctrl-C goes to the whole process group: the parent has heard it, and the child has to survive it.
  'for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => undefined);',
  SEND_RELEASES,
  'let input = "";',
  'process.stdin.setEncoding("utf8").on("data", (text) => { input += text; });',
  'process.stdin.on("end", async () => {',
  `  const left = await sendReleases(JSON.parse(input), { timeout: ${LONGEST_MS} });`,
  "  process.exitCode = left.length === 0 ? 0 : 1;",
  "});",
].join("\n");

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
