import type { AzuriteFiles } from "./azurite.ts";

/** What the worker is started with. */
export interface EmulatorWorkerData {
  readonly files: AzuriteFiles;
  /** What Azurite is configured with; see `AZURITE_SETTINGS`. */
  readonly settings: readonly unknown[];
  /**
   * By how many milliseconds the worker's clock is ahead of the machine's: one number, in memory that both threads see.
   */
  readonly aheadMs: BigInt64Array;
}

/**
 * The program of the worker thread in which Azurite runs on a clock of its own. It is text, and not a file, because it
 * has to run just the same from the sources under a test runner as from the compiled package. It posts its address once
 * it listens.
 *
 * `Date` is replaced before Azurite is loaded: patched later, Azurite's own checks take old dates for no dates at all.
 */
export const EMULATOR_WORKER: string = `
"use strict";
const { parentPort, workerData } = require("node:worker_threads");
const http = require("node:http");

const RealDate = Date;
const { files, settings, aheadMs } = workerData;
const now = () => RealDate.now() + Number(Atomics.load(aheadMs, 0));
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }
  static now() {
    return now();
  }
};

// Azurite dates its successes itself; the Date of its 404s and 409s comes from Node, which knows only the real one.
const { writeHead } = http.ServerResponse.prototype;
http.ServerResponse.prototype.writeHead = function (...args) {
  if (!this.headersSent && !this.hasHeader("date")) this.setHeader("Date", new Date().toUTCString());
  return writeHead.apply(this, args);
};

// What Azurite's dependencies have deprecated does not matter here.
process.noDeprecation = true;
const BlobServer = require(files.server).default;
const BlobConfiguration = require(files.configuration).default;
const { MemoryExtentChunkStore } = require(files.memory);

const server = new BlobServer(new BlobConfiguration(...settings, new MemoryExtentChunkStore()));
server.start().then(() => parentPort.postMessage(server.getHttpServerAddress()));
`;
