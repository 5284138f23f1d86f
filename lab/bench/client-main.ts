// A process that does jobs with one lock library: `LOCKS_AT=<address> node client-main.js <adapter> <variant or "">`.
import type { Peer, PeerClient } from "../shared/peers/src/peer.ts";
import type { JobAnswer, JobModule, JobOrder } from "./client.ts";

const [module = "", variant = ""] = process.argv.slice(2);
const { LOCKS_AT: address = "" } = process.env;
const { peer, variants } = (await import(module)) as { peer: Peer; variants?: Readonly<Record<string, Peer>> };
const chosen = variant === "" ? peer : variants?.[variant];
if (!chosen) throw new Error(`${module} has no variant "${variant}"`);
const connect = (): PeerClient => chosen.connect(address);
const client = connect();

const answer = (message: JobAnswer): void => void process.send?.(message);
process.on("message", async ({ job, given }: JobOrder) => {
  try {
    const { run } = (await import(new URL(`jobs/${job}.js`, import.meta.url).href)) as JobModule;
    answer({ result: await run(client, given, (event) => answer({ event }), connect) });
  } catch (error) {
    answer({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
// The process that measures is gone.
process.on("disconnect", () => process.exit());
answer({ event: "ready" });
