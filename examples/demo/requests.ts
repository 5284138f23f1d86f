import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";

/** HTTP requests of one process. */
export interface Requests {
  sent: number;
  /** Those of them that were answered "held by another": the price of waiting. */
  refused: number;
}

/** Counts what this process really sends, beneath the library and the SDK. The object it returns goes on counting. */
export function countRequests(): Requests {
  const requests: Requests = { sent: 0, refused: 0 };
  subscribe("http.client.request.start", () => {
    requests.sent++;
  });
  subscribe("http.client.response.finish", (message) => {
    const { response } = message as { request: ClientRequest; response: IncomingMessage };
    if (response.headers["x-ms-error-code"] === "LeaseAlreadyPresent") requests.refused++;
  });
  return requests;
}

export function sumOfRequests(all: Iterable<Requests>): Requests {
  const sum: Requests = { sent: 0, refused: 0 };
  for (const { sent, refused } of all) {
    sum.sent += sent;
    sum.refused += refused;
  }
  return sum;
}
