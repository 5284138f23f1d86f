import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

/** What a program of its own prints at its end, as JSON, and what else it said. */
function printed(
  code: string,
  env: Readonly<Record<string, string>> = {},
): { readonly said: unknown; readonly all: string } {
  const { PATH = "" } = process.env;
  const all = execFileSync("sh", ["-c", '"$0" --input-type=module --eval "$1" 2>&1', process.execPath, code], {
    cwd: PROJECT,
    env: { PATH, ...env },
    encoding: "utf8",
  });
  return { said: JSON.parse(all.trimEnd().split("\n").at(-1) ?? ""), all };
}

const SDK = `
  import { metrics, trace } from "@opentelemetry/api";
  import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from "@opentelemetry/sdk-metrics";
  import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
  import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
  const spans = new InMemorySpanExporter();
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const register = () => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
    const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: measured })] });
    metrics.setGlobalMeterProvider(meters);
    return meters;
  };
`;
const MEMORY = `
  import { AzureMutex } from "azmutex";
  import { MemoryLeaseStore } from "azmutex/testing";
  const locker = new AzureMutex({ store: new MemoryLeaseStore() }).locker("job");
`;

describe("the package", () => {
  it("sees the very first lock after an SDK was registered, and says its version", () => {
    const { said } = printed(`${SDK} ${MEMORY}
      register();
      await locker.run(() => undefined);
      const finished = spans.getFinishedSpans();
      console.log(JSON.stringify(finished.map(({ name, instrumentationScope: { version } }) => [name, version])));
    `);
    const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
    expect(said).toEqual([
      ["azmutex.lock", version],
      ["azmutex.hold", version],
    ]);
  });

  it("loads nothing of OpenTelemetry where no SDK is registered, and no log where nothing is to be said", () => {
    const { said } = printed(`${MEMORY}
      import { createRequire } from "node:module";
      await locker.run(() => undefined);
      const files = Object.keys(createRequire(import.meta.url).cache);
      const loaded = files.filter((file) => file.includes("@opentelemetry"));
      const symbols = Object.getOwnPropertySymbols(globalThis).map(String);
      console.log(JSON.stringify([loaded, symbols.filter((name) => name.includes("opentelemetry"))]));
    `);
    expect(said).toEqual([[], []]);
  });

  it("logs as the SDK does, from its first lock on, if that is what the environment wants", () => {
    const { all } = printed(
      `${MEMORY} await locker.run(() => undefined); process.on("exit", () => console.log("{}"));`,
      {
        AZURE_LOG_LEVEL: "info",
      },
    );
    expect(all).toContain('azure:azmutex:info lock of "job": acquired after');
    expect(all).toContain('azure:azmutex:info lock of "job": released after');
  });

  it("lets no secret into a span, a metric, an event or a line, whatever goes wrong", () => {
    const canary = `C4n4ry${randomUUID().replaceAll("-", "")}`;
    const key = Buffer.from(canary.padEnd(64, "?>")).toString("base64");
    const { said, all } = printed(
      `${SDK}
      import { AzureMutex } from "azmutex";
      const meters = register();
      const endpoint = "http://127.0.0.1:1/acme";
      const ways = [
        { accountName: "acme", accountKey: process.env.KEY, endpoint, containerName: "locks" },
        { sasUrl: endpoint + "/locks?sv=2021-08-06&sr=c&sp=rwl&se=2099-01-01&sig=" + process.env.CANARY },
      ];
      const told = [];
      for (const way of ways) {
        const mutex = new AzureMutex({ ...way, log: (line) => told.push(line) });
        const locker = mutex.locker("job", { unreachableAfterMs: 500 });
        await locker.lock().catch((error) => told.push(String(error), String(error.cause)));
        await locker.tryLock().catch((error) => told.push(String(error), String(error.cause)));
      }
      await meters.forceFlush();
      await meters.shutdown();
      const tell = ({ name, attributes, status, events }) => ({ name, attributes, status, events });
      const scopes = measured.getMetrics().map(({ scopeMetrics }) => scopeMetrics);
      console.log(JSON.stringify({ told, spans: spans.getFinishedSpans().map(tell), metrics: scopes }));
      `,
      { KEY: key, CANARY: canary, AZURE_LOG_LEVEL: "info" },
    );
    const { spans } = said as { spans: { name: string; status: { code: number; message: string } }[] };
    expect(spans.map(({ name }) => name)).toEqual(Array(4).fill("azmutex.lock"));
    expect(spans.every(({ status }) => status.message.length > 0)).toBe(true);
    const ours = all.split("\n").filter((line) => line.includes("azmutex") || line.startsWith("{"));
    expect(ours.length).toBeGreaterThan(4);
    for (const secret of [canary, key, encodeURIComponent(key), JSON.stringify(key)])
      expect(ours.join("\n")).not.toContain(secret);
  });
});
