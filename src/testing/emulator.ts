import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { emulatorConnectionString } from "../store/azure/connection-string.ts";
import { EMULATOR } from "../store/azure/endpoint.ts";
import { AZURITE_SETTINGS, findAzurite, loadAzurite } from "./azurite.ts";
import { EMULATOR_WORKER, type EmulatorWorkerData } from "./emulator-worker.ts";

/** A blob service on this machine, empty at the start and gone with the process. */
export interface Emulator extends AsyncDisposable {
  /** The connection string of the emulator's account, for an `AzureMutex`. */
  readonly connectionString: string;
  /** The blob endpoint, account included: `http://127.0.0.1:<port>/devstoreaccount1`. */
  readonly url: string;
  /** The port of the loopback interface on which it listens. */
  readonly port: number;
  /** The emulator's account. */
  readonly accountName: string;
  /** The key of that account, which Azurite publishes. */
  readonly accountKey: string;
  /** Stops the emulator and cuts every connection to it, so that the process can end. Closing twice does nothing. */
  close(): Promise<void>;
}

/** An emulator whose time can be moved, so that leases run out at once. */
export interface OwnClockEmulator extends Emulator {
  /**
   * Lets `ms` milliseconds pass for the service, in whole ones. Its leases run out and the dates of its answers follow;
   * real time goes on besides. Rejects with a `RangeError` for less than nothing, and with an `Error` once the emulator
   * is closed.
   */
  advance(ms: number): Promise<void>;
}

/** How the emulator runs. */
export interface EmulatorOptions {
  /**
   * Whether the emulator runs in a worker thread with a clock that `advance()` moves, which takes about 0.4 s to start.
   * Default: false, in this thread and on the machine's clock.
   */
  ownClock?: boolean | undefined;
}

/**
 * Starts Azurite on a free port of the loopback interface, with everything in memory. Needs the package `azurite`
 * (`npm i -D azurite`), and rejects with an error that says so where it is missing. Starting takes half a second the
 * first time and some milliseconds afterwards.
 *
 * Azurite differs from Azure in small things; see `AZURITE_DEVIATIONS`.
 */
export function startEmulator(options: EmulatorOptions & { ownClock: true }): Promise<OwnClockEmulator>;
/** {@inheritDoc (startEmulator:1)} */
export function startEmulator(options?: EmulatorOptions & { ownClock?: false }): Promise<Emulator>;
/** {@inheritDoc (startEmulator:1)} */
export function startEmulator(options?: EmulatorOptions): Promise<Emulator>;
export async function startEmulator({ ownClock = false }: EmulatorOptions = {}): Promise<Emulator> {
  return ownClock ? startWithOwnClock() : startHere();
}

async function startHere(): Promise<Emulator> {
  const { BlobServer, BlobConfiguration, MemoryExtentChunkStore } = loadAzurite(findAzurite());
  const server = new BlobServer(new BlobConfiguration(...AZURITE_SETTINGS, new MemoryExtentChunkStore()));
  await server.start();
  return emulatorAt(server.getHttpServerAddress(), async () => {
    // Azurite itself waits for clients to let go of their connections.
    server.httpServer.closeAllConnections();
    await server.close();
  });
}

async function startWithOwnClock(): Promise<OwnClockEmulator> {
  const aheadMs = new BigInt64Array(new SharedArrayBuffer(8));
  const workerData: EmulatorWorkerData = { files: findAzurite(), settings: AZURITE_SETTINGS, aheadMs };
  const worker = new Worker(EMULATOR_WORKER, { eval: true, workerData });
  const [address] = (await once(worker, "message")) as [string];
  let closed = false;
  const emulator = emulatorAt(address, async () => {
    closed = true;
    await worker.terminate();
  });
  return {
    ...emulator,
    async advance(ms) {
      if (!(ms >= 0 && ms < Infinity))
        throw new RangeError(`a clock advances by a finite number of milliseconds, not by ${ms}`);
      if (closed) throw new Error("the emulator is closed");
      Atomics.add(aheadMs, 0, BigInt(Math.round(ms)));
    },
  };
}

function emulatorAt(address: string, stop: () => Promise<void>): Emulator {
  const { accountName, accountKey } = EMULATOR;
  const url = `${address}/${accountName}`;
  const port = Number(new URL(address).port);
  let stopped: Promise<void> | undefined;
  const close = (): Promise<void> => {
    stopped ??= stop();
    return stopped;
  };
  return {
    connectionString: emulatorConnectionString(port),
    url,
    port,
    accountName,
    accountKey,
    close,
    [Symbol.asyncDispose]: close,
  };
}
