// A proxy in a process of its own that lets every request be under way for longer, and counts them.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { HTTP } from "../shared/wire/http.ts";
import { RESP } from "../shared/wire/resp.ts";
import type { ProxyAnswer, ProxyOrder } from "./latency-proxy.ts";

const PROTOCOLS = { http: HTTP, resp: RESP, opaque: undefined } as const;

const [upstream = "", roundTrip = "", language = "", port = ""] = process.argv.slice(2);
const roundTripMs = Number(roundTrip);
const protocol = PROTOCOLS[language as keyof typeof PROTOCOLS];
let requests = 0;

/** Counts the requests that are complete, and keeps what is not. */
function counter(): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    if (!protocol) return;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (
      let length = protocol.requestLength(rest);
      length !== undefined && rest.length > 0;
      length = protocol.requestLength(rest)
    ) {
      requests += 1;
      rest = rest.subarray(length);
      if (rest.length === 0) return;
    }
  };
}

/** The whole round trip is put on the request: a client cannot tell. */
function forward(client: Socket): void {
  const server = connect(Number(upstream), "127.0.0.1");
  const count = counter();
  client.setNoDelay(true);
  server.setNoDelay(true);
  client.on("data", (chunk: Buffer) => {
    count(chunk);
    // Timers of one length fire in the order in which they were set.
    setTimeout(() => void (server.destroyed || server.write(chunk)), roundTripMs);
  });
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
