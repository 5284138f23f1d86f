// A proxy in a process of its own.
import { FaultProxy } from "./fault-proxy.ts";
import { HTTP } from "./http.ts";
import type { ProxyOrder, ProxyPlan, ProxyReport } from "./proxy-process.ts";
import { OPAQUE, RESP } from "./resp.ts";

const PROTOCOLS = { http: HTTP, resp: RESP, opaque: OPAQUE } as const;

const { upstreamPort, roundTripMs, language, port } = JSON.parse(process.argv[2] ?? "") as ProxyPlan;
const options = { protocol: PROTOCOLS[language], bytesLateMs: roundTripMs, port };
const proxy = await FaultProxy.start({ port: upstreamPort }, options);
const report = (message: ProxyReport): void => void process.send?.(message);
process.on("message", (order: ProxyOrder) => {
  if (order === "count") report({ requests: proxy.arrived });
});
// The process that measures is gone.
process.on("disconnect", () => process.exit());
report({ port: proxy.port });
