import { requireFile, resolveFile } from "../runtime/packages.ts";

/** Azurite's blob server as a class. The package ships no types, and none of this is its public interface. */
export interface AzuriteModules {
  readonly BlobServer: new (configuration: object) => AzuriteBlobServer;
  readonly BlobConfiguration: new (...settings: readonly unknown[]) => object;
  readonly MemoryExtentChunkStore: new () => object;
}

export interface AzuriteBlobServer {
  readonly httpServer: { closeAllConnections(): void };
  start(): Promise<void>;
  /** `http://127.0.0.1:<port>`. */
  getHttpServerAddress(): string;
  close(): Promise<void>;
}

/** The files of Azurite that are to be required, by absolute path. */
export interface AzuriteFiles {
  readonly server: string;
  readonly configuration: string;
  readonly memory: string;
}

/** Where Azurite is installed. Throws an error that says how to install it where it is not. */
export function findAzurite(): AzuriteFiles {
  const find = (file: string): string => resolveFile(`azurite/dist/src/${file}`);
  try {
    return {
      server: find("blob/BlobServer"),
      configuration: find("blob/BlobConfiguration"),
      memory: find("common/persistence/MemoryExtentStore"),
    };
  } catch (cause) {
    throw new Error(`the emulator is Azurite, which is not installed in ${process.cwd()}: npm i -D azurite`, { cause });
  }
}

export function loadAzurite({ server, configuration, memory }: AzuriteFiles): AzuriteModules {
  return {
    BlobServer: requireFile(server).default,
    BlobConfiguration: requireFile(configuration).default,
    MemoryExtentChunkStore: requireFile(memory).MemoryExtentChunkStore,
  };
}

/**
 * A connection that idles for longer than this is closed, in seconds. Long, since a client that has just sent a request
 * on it sees a reset.
 */
const KEEP_ALIVE_SECONDS = 600;

/**
 * What `BlobConfiguration` takes, up to the store for contents: a free port on loopback, everything in memory, no logs.
 * Nothing is reported to Microsoft either: only Azurite's command line does that.
 */
export const AZURITE_SETTINGS: readonly unknown[] = Object.freeze([
  "127.0.0.1",
  0,
  KEEP_ALIVE_SECONDS,
  "", // where metadata would be kept on disk
  "", // where contents would be
  [],
  false, // access log
  undefined,
  false, // debug log
  undefined,
  false, // loose mode, which would ignore headers it does not know
  // The SDK is ahead of Azurite: 3.35 knows API versions up to 2025-11-05 and answers 400 to later ones
  // (azure-sdk-for-js #37434).
  true,
  "", // certificate
  "",
  "",
  undefined, // OAuth
  false, // addresses without the account in the path would stay possible
  true, // in memory
]);
