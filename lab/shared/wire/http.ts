import type { Protocol } from "./protocol.ts";
import { operationOf } from "./wire-operation.ts";

const HEAD_END = "\r\n\r\n";
const BUSY_BODY =
  '<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code><Message>-</Message></Error>'.padEnd(96);

/** HTTP 1.1 as a blob service speaks it. Requests bear their operation. */
export const HTTP: Protocol = {
  requestLength(bytes) {
    const head = headOf(bytes);
    return head && within(bytes, head.length + Number(head.headers["content-length"] ?? 0));
  },
  answerLength(bytes, request) {
    const head = headOf(bytes);
    if (!head) return undefined;
    const [, status = ""] = head.first.split(" ");
    if (request.toString("latin1", 0, 5) === "HEAD " || status === "204" || status === "304") return head.length;
    if (head.headers["transfer-encoding"] === "chunked") return chunksEnd(bytes, head.length);
    return within(bytes, head.length + Number(head.headers["content-length"] ?? 0));
  },
  operationOf(request) {
    const head = headOf(request);
    const [method = "", path = ""] = head?.first.split(" ") ?? [];
    const operation = operationOf(method, path, head?.headers ?? {});
    return operation === "acquire" || operation === "renew" || operation === "release" ? operation : "other";
  },
  isDone: (answer) => /^HTTP\/1\.1 2/.test(answer.toString("latin1", 0, 12)),
  isRepeated: (answer) => /^HTTP\/1\.1 404/.test(answer.toString("latin1", 0, 12)),
  notNow: Buffer.from(
    "HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Type: application/xml\r\n" +
      `Content-Length: 96${HEAD_END}${BUSY_BODY}`,
  ),
};

/** What a gateway on the way answers by itself: a page of its own, and nothing by which the service is known. */
export function gatewayAnswer(status: "404 Not Found" | "200 OK"): Buffer {
  const page = `<html><body>${status}</body></html>`;
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${page.length}${HEAD_END}${page}`,
  );
}

interface Head {
  readonly first: string;
  readonly headers: Readonly<Record<string, string>>;
  /** With the empty line that ends it. */
  readonly length: number;
}

function headOf(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { first, headers: Object.fromEntries(headers), length: end + HEAD_END.length };
}

function chunksEnd(bytes: Buffer, from: number): number | undefined {
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (size === 0) return within(bytes, at);
  }
}

function within(bytes: Buffer, end: number): number | undefined {
  return end <= bytes.length ? end : undefined;
}
