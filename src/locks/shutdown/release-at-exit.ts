import type { ReleaseRequest } from "../../store/release-request.ts";
import type { LockSpace } from "../lock-space.ts";
import { type EndingProcess, isOwn, ownListener } from "./ending-process.ts";

/** The longest that the end of the process is delayed, in milliseconds. */
const LONGEST_MS = 2_000;
/** How many requests are under way at once. */
const CONNECTIONS = 50;

/**
 * The program of the child process that releases leases. It is text, and not a file, because it has to run just the
 * same from the sources as from the compiled package. It reads the requests, which are secret, from its standard input,
 * and exits with 0 if the service has answered each of them. Whether the lease still was this process's makes no
 * difference.
 */
const RELEASING_PROGRAM = [
  '"use strict";',
  // A Ctrl-C goes to the whole process group: the parent has heard it, and the child has to survive it.
  'for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => undefined);',
  "const failed = () => { process.exitCode = 1; };",
  "const agents = {};",
  "function send({ url, headers }) {",
  "  const { protocol } = new URL(url);",
  '  const { request, Agent } = process.getBuiltinModule(protocol === "https:" ? "node:https" : "node:http");',
  `  agents[protocol] ??= new Agent({ keepAlive: true, maxSockets: ${CONNECTIONS} });`,
  `  const options = { method: "PUT", headers, agent: agents[protocol], timeout: ${LONGEST_MS} };`,
  "  const sent = request(url, options, (answer) => {",
  '    const isService = answer.headers["x-ms-request-id"] !== undefined;',
  "    if (!isService || ![200, 404, 409, 412].includes(answer.statusCode)) failed();",
  "    answer.resume();",
  "  });",
  '  sent.on("timeout", () => sent.destroy()).on("error", failed).end();',
  "}",
  'let input = "";',
  'process.stdin.setEncoding("utf8").on("data", (text) => { input += text; });',
  'process.stdin.on("end", () => JSON.parse(input).forEach(send));',
].join("\n");

/**
 * Calls back at the end of the process, after all listeners to it that are there and that are added later. Where one is
 * added and the process ends before the next turn, it does not call back. Returns what calls it off.
 */
export function onLastExit(host: EndingProcess, callback: () => void): () => void {
  let isOver = false;
  const atExit = ownListener(callback, { isEnding: true });
  const moveBehind = (name: unknown, added: unknown): void => {
    // Listeners of azmutex run no code of the program. Two of them would move behind each other for ever.
    if (name !== "exit" || isOwn(added)) return;
    host.off("exit", atExit);
    queueMicrotask(() => {
      host.off("exit", atExit);
      if (!isOver) host.on("exit", atExit);
    });
  };
  host.on("exit", atExit);
  host.on("newListener", moveBehind);
  return () => {
    isOver = true;
    host.off("exit", atExit);
    host.off("newListener", moveBehind);
  };
}

/**
 * Releases what this process still has in these mutexes, in a child process, for which it waits 2 s at most. For the
 * very end: no code of this process may run any more. A lease is released by its id, so never a successor's. Returns
 * false where a lease may stand for longer: there is no request that could be handed to another process, or the service
 * has not answered. Throws nothing.
 */
export function releaseAtExit(
  host: Pick<EndingProcess, "runNode">,
  spaces: readonly Pick<LockSpace, "store" | "standingLeases">[],
): boolean {
  try {
    const requests = spaces.flatMap(({ store, standingLeases }) =>
      standingLeases.map(({ name, leaseId }) => store.releaseRequest?.(name, leaseId)),
    );
    const ready = requests.filter((request): request is ReleaseRequest => request !== undefined);
    const areAnswered = ready.length === 0 || host.runNode(RELEASING_PROGRAM, JSON.stringify(ready), LONGEST_MS) === 0;
    return areAnswered && ready.length === requests.length;
  } catch {
    return false;
  }
}
