// A proxy in a process of its own that lets every request be under way for longer, and counts them.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { ByteReader } from "../shared/wire/byte-reader.ts";
import { HTTP } from "../shared/wire/http.ts";
import { RESP } from "../shared/wire/resp.ts";
import type { ProxyAnswer, ProxyOrder } from "./latency-proxy.ts";

const PROTOCOLS = { http: HTTP, resp: RESP, opaque: undefined } as const;

const [upstream = "", roundTrip = "", language = "", port = ""] = process.argv.slice(2);
const roundTripMs = Number(roundTrip);
const protocol = PROTOCOLS[language as keyof typeof PROTOCOLS];
let requests = 0;

/** Counts the requests that have arrived whole. */
async function countRequests(client: Socket): Promise<void> {
  if (!protocol) return;
  const reader = new ByteReader(client);
  while (await reader.take((bytes) => protocol.requestLength(bytes))) requests += 1;
}

/** The whole round trip is put on the request: a client cannot tell. */
function forward(client: Socket): void {
  const server = connect(Number(upstream), "127.0.0.1");
  void countRequests(client);
  client.setNoDelay(true);
  server.setNoDelay(true);
  // Timers of one length fire in the order in which they were set.
  client.on("data", (chunk: Buffer) => setTimeout(() => void (server.destroyed || server.write(chunk)), roundTripMs));
  server.on("data", (chunk: Buffer) => void (client.destroyed || client.write(chunk)));
  client.on("close", () => setTimeout(() => server.destroy(), roundTripMs));
  server.on("close", () => client.destroy());
  // An error is followed by "close".
  client.on("error", () => undefined);
  server.on("error", () => undefined);
}

const proxy = createServer(forward);
proxy.listen(Number(port), "127.0.0.1");
await once(proxy, "listening");
const answer = (message: ProxyAnswer): void => void process.send?.(message);
process.on("message", (order: ProxyOrder) => {
  if (order === "count") answer({ requests });
});
// The process that measures is gone.
process.on("disconnect", () => process.exit());
answer({ port: (proxy.address() as AddressInfo).port });
