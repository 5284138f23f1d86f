import { once } from "node:events";
import { createServer } from "node:net";
import { AZURITE_SETTINGS, findAzurite, loadAzurite } from "../../src/testing/azurite.ts";
import { GO_PORT } from "../shared/go-peer/go-program.ts";
import { NotRunError } from "../shared/go-peer/not-run.ts";

const HOST = "127.0.0.1";

export interface Service {
  close(): Promise<void>;
}

/** Azurite where go-azuremutex looks for it. Throws a `NotRunError` if another program listens there. */
export async function startService(): Promise<Service> {
  await checkThatPortIsFree();
  const { BlobServer, BlobConfiguration, MemoryExtentChunkStore } = loadAzurite(findAzurite());
  const server = new BlobServer(
    new BlobConfiguration(...AZURITE_SETTINGS.with(1, GO_PORT), new MemoryExtentChunkStore()),
  );
  await server.start();
  return {
    async close() {
      server.httpServer.closeAllConnections();
      await server.close();
    },
  };
}

async function checkThatPortIsFree(): Promise<void> {
  const probe = createServer().listen(GO_PORT, HOST);
  try {
    await once(probe, "listening");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new NotRunError(
      `go-azuremutex looks for its emulator at ${HOST}:${GO_PORT}, which cannot be listened on (${code})`,
      { cause },
    );
  }
  probe.close();
  await once(probe, "close");
}
