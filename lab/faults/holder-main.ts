// A process that takes a lock, works under it until it is told to end or hears that the lock is lost, and gives it
// back.
import { createServer } from "node:net";
import { uptime } from "node:os";
import { now } from "../shared/now.ts";
import type { Held, Peer } from "../shared/peers/src/peer.ts";
import type { Order, Plan, Report } from "./messages.ts";

/** How often the work asks whether it still holds the lock. */
const ASK_EVERY_MS = 10;
/** So long between two questions means that the process stood still. */
const STOOD_STILL_MS = 1_000;

/** By the clock that counts the time for which the process was stopped or the machine slept. */
const withSleep = (): number => uptime() * 1_000;

type Unstamped<R> = R extends Report ? Omit<R, "at"> : never;

function report(what: Unstamped<Report>): void {
  process.send?.({ ...what, at: now() });
}

function nameOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.name;
}

/** Resolves with the next order of a kind. While one is waited for, the process stays. */
function order<O extends Order["order"]>(...kinds: O[]): Promise<Extract<Order, { order: O }>> {
  return new Promise((resolve) => {
    const listen = (message: Order): void => {
      if (!kinds.some((kind) => kind === message.order)) return;
      process.off("message", listen);
      resolve(message as Extract<Order, { order: O }>);
    };
    process.on("message", listen);
  });
}

class WorkError extends Error {
  override readonly name = "WorkError";
}

async function work(held: Held): Promise<void> {
  report({ kind: "held" });
  if (plan.holder === "idle") {
    client.unref();
    await new Promise(() => undefined);
  }
  const end = await new Promise<"end work" | "throw">((resolve) => {
    let askedAt = withSleep();
    let believed = true;
    const ask = (): void => {
      const gap = withSleep() - askedAt;
      askedAt = withSleep();
      const believes = held.isHeld();
      if (gap > STOOD_STILL_MS) report({ kind: "resumed", believes });
      if (believed !== believes) report({ kind: believes ? "asked: held again" : "asked: not held" });
      believed = believes;
    };
    const asking = setInterval(ask, ASK_EVERY_MS);
    const stop = (how: "end work" | "throw"): void => {
      clearInterval(asking);
      process.off("message", listen);
      resolve(how);
    };
    const listen = (message: Order): void => {
      if (message.order === "end work" || message.order === "throw") stop(message.order);
      if (message.order === "stall") {
        const until = now() + message.ms;
        while (now() < until);
        ask();
      }
    };
    process.on("message", listen);
    toldToEnd?.addEventListener("abort", () => stop("end work"));
    held.onLost((reason) => {
      // After a pause the loss may be heard before the next question.
      ask();
      report({ kind: "told", why: nameOf(reason) });
      stop("end work");
    });
  });
  const goOn = order("go on");
  report({ kind: "work ended" });
  await goOn;
  if (end === "throw") throw new WorkError("thrown by the work");
}

/**
 * Ends when the process that measures is gone. A listener for that would keep the process, which is one of the things
 * that are measured.
 */
setInterval(() => {
  if (!process.connected) process.exit();
}, 1_000).unref();
const plan = JSON.parse(process.env.HOLDER_PLAN ?? "") as Plan;
process.on("uncaughtExceptionMonitor", (error, origin) => report({ kind: "uncaught", origin, error: nameOf(error) }));
const { peer } = (await import(plan.peer)) as { peer: Peer };
const client = peer.connect(plan.address);
let toldToEnd: AbortSignal | undefined;
if (plan.holder === "service") {
  await import(plan.otherListener);
  toldToEnd = client.releaseOnSignals?.();
  createServer().listen(0, "127.0.0.1");
}
// What the first lock of a process has to load, here and in the storage, is not what is measured.
await client.hold(`warm-up-${process.pid}`, async () => undefined);
const started = order("start");
report({ kind: "ready" });
await started;

const cancelling = new AbortController();
const cancel = (message: Order): void => {
  if (message.order !== "cancel") return;
  report({ kind: "cancelled" });
  cancelling.abort();
};
if (plan.holder !== "idle") process.on("message", cancel);

report({ kind: "asks" });
try {
  await client.hold(plan.key, work, { signal: cancelling.signal });
  report({ kind: "settled" });
} catch (error) {
  report({ kind: "settled", error: nameOf(error) });
}
process.off("message", cancel);
if (plan.holder === "repeater") {
  await order("again");
  try {
    await client.hold(plan.key, async () => undefined);
    report({ kind: "settled again" });
  } catch (error) {
    report({ kind: "settled again", error: nameOf(error) });
  }
}
client.close();
report({ kind: "closed" });
