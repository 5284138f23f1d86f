// One leader in a Deployment of Kubernetes: all replicas run this, one leads, and it alone is ready, so that a Service
// finds it.
//
//   npm run example -- leader        three replicas; the leader is told to stop
//   node build/examples/leader.js    one replica, at port 8080, until SIGTERM or Ctrl-C
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { DefaultAzureCredential } from "@azure/identity";
import { AzureMutex, LeaderElection, type Leadership, releaseOnSignals } from "azmutex";

const {
  AZURE_STORAGE_CONNECTION_STRING: connectionString,
  AZURE_STORAGE_ACCOUNT: accountName = "acme",
} = process.env;
const { POD_NAME = "local", POD_IP = "127.0.0.1", PORT = "8080" } = process.env;

const mutex = new AzureMutex({
  ...(connectionString
    ? { connectionString }
    : { accountName, credential: new DefaultAzureCredential() }),
  containerName: "azmutex-examples",
  log: (line) => console.error(line),
});
const election = new LeaderElection(mutex, "shop/scheduler", {
  leaseSeconds: 15,
  candidate: POD_NAME,
  data: `http://${POD_IP}:8080`,
});

let leadership: Leadership | undefined;
const server = createServer((request, response) => {
  // By the clock, so right at once after a pause. /livez says that the event loop turns,
  // and nothing of leadership.
  const isFine = request.url === "/readyz" ? leadership?.isHeld === true : request.url === "/livez";
  response.writeHead(isFine ? 200 : 503).end();
});
server.listen(Number(PORT), () =>
  console.log(`listening at ${(server.address() as AddressInfo).port}`),
);

await using shutdown = releaseOnSignals(mutex, { graceMs: 25_000 }); // Kubernetes kills after 30 s
await election.run(
  async (mine) => {
    leadership = mine;
    while (!mine.signal.aborted) {
      mine.assertHeld();
      await startDueJobs(mine.term); // whatever it writes to compares terms
      await sleep(1_000, undefined, { signal: mine.signal });
    }
  },
  { signal: shutdown.signal, onError: (error) => console.error("scheduler:", error) },
);

async function startDueJobs(term: number): Promise<void> {
  console.log(`starting what is due, in term ${term}`);
}
