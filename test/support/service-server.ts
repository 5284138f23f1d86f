import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { WebResource } from "@azure/storage-blob";
import type { Certificate } from "../../lab/shared/certificate.ts";
import { MemoryLeaseStore } from "../../src/testing/index.ts";
import { systemClock } from "../../src/time/clock.ts";
import type { DoctorCase } from "./doctor-cases.ts";
import { ServiceDouble } from "./service-double.ts";

/** The double of the service on a port of this machine, in real time: a case for the built command. */
export class ServiceServer implements AsyncDisposable {
  readonly double: ServiceDouble;
  /** The endpoint of the account `acme`. */
  readonly endpoint: string;
  readonly #stop: () => Promise<void>;

  private constructor(double: ServiceDouble, endpoint: string, stop: () => Promise<void>) {
    this.double = double;
    this.endpoint = endpoint;
    this.#stop = stop;
  }

  /** With a certificate it speaks TLS, under the name localhost. */
  static async start({ play, isContainerMissing }: DoctorCase, certificate?: Certificate): Promise<ServiceServer> {
    let count = 0;
    const double: ServiceDouble = new ServiceDouble(systemClock, {
      memory: new MemoryLeaseStore({ containerExists: !isContainerMissing }),
      startsAt: Date.now() - systemClock.now(),
      middleman: async (serve, asked) => {
        count += 1;
        if (asked.url.includes("changefeed")) return double.missingContainer();
        return play ? play(serve, asked, double, count) : serve();
      },
    });
    const handler = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
      void answer(double, incoming, outgoing).catch(() => outgoing.destroy());
    const server = certificate ? createTlsServer({ ...certificate }, handler) : createServer(handler);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const endpoint = `${certificate ? "https://localhost" : "http://127.0.0.1"}:${port}/acme`;
    return new ServiceServer(double, endpoint, async () => {
      server.close();
      server.closeAllConnections();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }
}

async function answer(double: ServiceDouble, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  for await (const _ of incoming);
  const names = new Map(Object.entries(incoming.headers as Record<string, string>));
  const headers = {
    get: (name: string) => names.get(name.toLowerCase()),
    set: (name: string, value: string) => void names.set(name.toLowerCase(), value),
    toJson: () => Object.fromEntries(names),
  };
  const url = `http://acme.blob.core.windows.net${(incoming.url ?? "").replace(/^\/acme/, "")}`;
  const request = { url, method: incoming.method, headers } as unknown as WebResource;
  const found = await double.send(request);
  outgoing.writeHead(found.status, found.headers.toJson());
  outgoing.end(found.bodyAsText ?? "");
}
