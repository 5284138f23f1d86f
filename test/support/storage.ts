import { randomUUID } from "node:crypto";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../src/locks/lock-space.ts";
import { type Emulator, startEmulator } from "../../src/testing/emulator.ts";

/** An emulator behind a proxy that counts requests and loses them, and as many processes as a test wants. */
export class Storage implements AsyncDisposable {
  readonly emulator: Emulator;
  readonly proxy: FaultProxy;
  readonly log: string[] = [];

  private constructor(emulator: Emulator, proxy: FaultProxy) {
    this.emulator = emulator;
    this.proxy = proxy;
  }

  static async start(): Promise<Storage> {
    const emulator = await startEmulator();
    return new Storage(emulator, await FaultProxy.start(emulator));
  }

  /** The SDK's client for a container, past the proxy: what is done with it is not counted and never goes wrong. */
  container(name: string): ContainerClient {
    const credential = new StorageSharedKeyCredential(this.emulator.accountName, this.emulator.accountKey);
    return new ContainerClient(`${this.emulator.url}/${name}`, credential, { retryOptions: { maxTries: 1 } });
  }

  /** A container that exists, under a name of its own. */
  async newContainer(): Promise<ContainerClient> {
    const container = this.container(`c${randomUUID()}`);
    await container.create();
    return container;
  }

  /** A process of its own as far as azmutex goes: it shares nothing with the others but the storage. */
  mutex(containerName: string, options: Partial<MutexOptions> = {}): AzureMutex {
    return new AzureMutex({
      connectionString: this.proxy.connectionString,
      containerName,
      log: (line) => this.log.push(line),
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close();
    await this.emulator.close();
  }
}
