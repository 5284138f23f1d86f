import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A web site on this machine that counts: how often each page is fetched, and how many are at once. */
export class Site implements AsyncDisposable {
  readonly url: string;
  /** How often each path was asked for. */
  readonly fetches = new Map<string, number>();
  /** How many pages are being fetched at this moment. */
  inFlight = 0;
  /** How many were at most. */
  most = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Each page is answered when `ready` resolves. */
  static async open(ready: (site: Site) => Promise<unknown>): Promise<Site> {
    // A connection that is closed just as the next request comes in would fail a crawler for nothing.
    const server = createServer({ keepAliveTimeout: 0 });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const site = new Site(server);
    server.on("request", async ({ url = "" }, response) => {
      site.fetches.set(url, (site.fetches.get(url) ?? 0) + 1);
      site.inFlight += 1;
      site.most = Math.max(site.most, site.inFlight);
      await ready(site);
      // Before the answer: the client may be replaced as soon as it has it.
      site.inFlight -= 1;
      response.end(`This is ${url}.\n`);
    });
    return site;
  }

  /** The addresses of so many pages. */
  pages(count: number): string[] {
    return Array.from({ length: count }, (_, index) => `${this.url}/page-${index + 1}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
