import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { Reading, Request } from "./register.ts";

/** A worker's way to the register. */
export class RegisterClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * Resolves with null if the token is too low. Rejects when the signal aborts; what was sent may arrive all the same.
   */
  async send(sent: Request, signal: AbortSignal): Promise<Reading | null> {
    const outgoing = request({ host: "127.0.0.1", port: this.#port, method: "POST", agent: this.#agent, signal });
    outgoing.end(JSON.stringify(sent));
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) text += chunk;
    return JSON.parse(text) as Reading | null;
  }
}
