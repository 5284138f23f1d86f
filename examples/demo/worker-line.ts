// A worker's line to the parent process.
import type { Job, Order, Report } from "./messages.ts";
import { countRequests } from "./requests.ts";

type WithoutRequests<R> = R extends unknown ? Omit<R, "requests"> : never;

const requests = countRequests();

export function report(what: WithoutRequests<Report>, sent?: () => void): void {
  process.send?.({ ...what, requests }, undefined, undefined, sent);
}

/** The first message is the job. */
export async function receiveJob(): Promise<Job> {
  const order = await nextOrder();
  if (order.kind !== "job") throw new Error("expected a job first");
  return order.job;
}

/** Says that this worker is ready and waits until all are. */
export async function startTogether(): Promise<void> {
  report({ kind: "ready" });
  await nextOrder();
}

/** Says that the work is done, and ends the process once that is said. */
export function finish(): void {
  report({ kind: "finished" }, () => process.exit());
}

function nextOrder(): Promise<Order> {
  return new Promise((resolve) => process.once("message", (order: Order) => resolve(order)));
}

// The parent is gone, perhaps killed: there is no work any more.
process.once("disconnect", () => process.exit());

// Ctrl-C reaches the whole process group. The parent decides what becomes of the workers.
process.on("SIGINT", () => {});

process.once("uncaughtException", (error) => {
  // The message alone: an error's other properties may hold a request, and a request its credentials.
  report({ kind: "failed", message: `${error.name}: ${error.message}` }, () => process.exit(1));
});

setInterval(() => report({ kind: "alive" }), 500).unref();
