import { join } from "node:path";

/** A JavaScript runtime of the table. */
export interface Runtime {
  /** As the table heads its column. */
  readonly name: string;
  /** The package of the registry that is its binary, without install scripts. */
  readonly binary: string;
  /** The words that start a program with it, for the folder in which it is installed. */
  start(folder: string): readonly string[];
  /** The npm packages that a new user of it gets. */
  readonly sdk: SdkVersions;
  /** Whether it runs this project's own test runner. */
  readonly hasSuites: boolean;
  /** Whether `--quick` tries it. */
  readonly isQuick: boolean;
}

/** Versions of the packages that azmutex works with, as npm takes them. */
export interface SdkVersions {
  readonly "@azure/storage-blob": string;
  readonly "@azure/identity": string;
  readonly "@opentelemetry/api": string;
  readonly "@opentelemetry/context-async-hooks": string;
  readonly "@opentelemetry/sdk-metrics": string;
  readonly "@opentelemetry/sdk-trace-base": string;
}

const telemetry = (api: string, sdk: string, tracing = sdk) => ({
  "@opentelemetry/api": api,
  "@opentelemetry/context-async-hooks": sdk,
  "@opentelemetry/sdk-metrics": sdk,
  "@opentelemetry/sdk-trace-base": tracing,
});
/** `sdk-trace-base` is `sdk-trace` since 3.0. */
const NEW_TELEMETRY = telemetry("latest", "latest", "npm:@opentelemetry/sdk-trace@latest");
/** The newest on Node 22 and later. */
const NEWEST: SdkVersions = { "@azure/storage-blob": "latest", "@azure/identity": "latest", ...NEW_TELEMETRY };
/** The last that take Node 20. */
const LAST_FOR_20: SdkVersions = {
  "@azure/storage-blob": "12.32.0",
  "@azure/identity": "4.13.1",
  ...telemetry("~1.9", "2.12.1"),
};
/** The oldest of the peer range, and the first API and SDK of OpenTelemetry with metrics. */
const OLDEST: SdkVersions = {
  "@azure/storage-blob": "12.27.0",
  "@azure/identity": "4.0.0",
  ...telemetry("1.3.0", "1.8.0"),
};

/** As the packages of Node name it. */
export const PLATFORM: string = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;

const node = (
  version: string,
  sdk: SdkVersions,
  { name = `Node ${version}`, hasSuites = true, isQuick = false } = {},
): Runtime => ({
  name,
  hasSuites,
  isQuick,
  binary: `node-${PLATFORM}@${version}`,
  start: (folder) => [join(folder, `node_modules/node-${PLATFORM}/bin/node`)],
  sdk,
});

export const RUNTIMES: readonly Runtime[] = [
  node("20.19.0", LAST_FOR_20, { name: "Node 20.19" }),
  node("20.19.0", OLDEST, { name: "Node 20.19, oldest SDK", hasSuites: false }),
  node("22", NEWEST),
  node("24", NEWEST),
  node("26", NEWEST, { isQuick: true }),
  {
    name: "Bun",
    hasSuites: false,
    isQuick: true,
    binary: bunPackage(),
    start: (folder) => [join(folder, "node_modules", bunPackage(), "bin/bun")],
    sdk: NEWEST,
  },
  {
    name: "Deno",
    hasSuites: false,
    isQuick: true,
    binary: denoPackage(),
    start: (folder) => [
      join(folder, "node_modules", denoPackage(), "deno"),
      "run",
      "--quiet",
      "--allow-all",
      "--node-modules-dir=manual",
    ],
    sdk: NEWEST,
  },
];

function bunPackage(): string {
  return `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}`;
}

function denoPackage(): string {
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  return process.platform === "linux" ? `@deno/linux-${arch}-glibc` : `@deno/${process.platform}-${arch}`;
}
