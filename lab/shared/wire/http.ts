import { type IncomingHttpHeaders, STATUS_CODES } from "node:http";
import type { Protocol, WireOperation } from "./protocol.ts";

const CRLF = "\r\n";
const HEAD_END = CRLF + CRLF;
const LEASE_ACTIONS = ["acquire", "renew", "release", "change", "break"] as const;

/** HTTP 1.1 as a blob service speaks it. Requests bear their operation. */
export const HTTP: Protocol = {
  isStateless: true,
  requestLength: (bytes) => bodyEnd(bytes, headOf(bytes)),
  answerLength(bytes, request) {
    const head = headOf(bytes);
    const [, status] = head?.first.split(" ") ?? [];
    return head && (isHead(request) || status === "204" || status === "304") ? head.length : bodyEnd(bytes, head);
  },
  read(request) {
    const { first = "", headers = {} } = headOf(request) ?? {};
    const [method = "", path = ""] = first.split(" ");
    return { operation: operationOf(method, path, headers), method, path };
  },
  isDone: (answer) => /^HTTP\/1\.1 2/.test(answer.toString("latin1", 0, 12)),
  isRepeated: (answer) => /^HTTP\/1\.1 404/.test(answer.toString("latin1", 0, 12)),
  busy(request, retryAfterSeconds) {
    const error = "<Error><Code>ServerBusy</Code><Message>Made to be.</Message></Error>";
    const headers = ["Content-Type: application/xml", "x-ms-error-code: ServerBusy"];
    if (retryAfterSeconds !== undefined) headers.push(`Retry-After: ${retryAfterSeconds}`);
    return answerOf(request, 503, headers, `<?xml version="1.0" encoding="utf-8"?>${error}`);
  },
  gateway: (request, status) =>
    answerOf(request, status, ["Content-Type: text/html"], "<html><body>a page of the gateway's own</body></html>"),
};

function operationOf(method: string, path: string, headers: IncomingHttpHeaders): WireOperation {
  const query = new URL(path, "http://127.0.0.1").searchParams;
  const comp = query.get("comp");
  if (query.get("restype") === "container") return containerOperation(method, comp);
  switch (`${method} ${comp ?? ""}`.trimEnd()) {
    case "PUT lease":
      return LEASE_ACTIONS.find((action) => action === headers["x-ms-lease-action"]) ?? "other";
    case "PUT metadata":
      return "writeMetadata";
    case "PUT":
      return headers["if-none-match"] === "*" ? "create" : "putBlob";
    case "HEAD":
    case "GET":
      return "read";
    case "DELETE":
      return "deleteBlob";
    default:
      return "other";
  }
}

function containerOperation(method: string, comp: string | null): WireOperation {
  if (method === "GET" && comp === "list") return "list";
  if (comp !== null) return "other";
  if (method === "PUT") return "createContainer";
  return method === "DELETE" ? "deleteContainer" : "other";
}

function answerOf(request: Buffer, status: number, headers: readonly string[], body: string): Buffer {
  const common = [`Date: ${new Date().toUTCString()}`, `Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers, ...common].join(CRLF);
  return Buffer.from(head + HEAD_END + (isHead(request) ? "" : body));
}

const isHead = (request: Buffer): boolean => request.toString("latin1", 0, 5) === "HEAD ";

interface Head {
  readonly first: string;
  readonly headers: Readonly<Record<string, string>>;
  /** With the empty line that ends it. */
  readonly length: number;
}

function headOf(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split(CRLF);
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { first, headers: Object.fromEntries(headers), length: end + HEAD_END.length };
}

/** Where the message ends that has this head, or undefined while it is not complete. */
function bodyEnd(bytes: Buffer, head: Head | undefined): number | undefined {
  if (!head) return undefined;
  if (head.headers["transfer-encoding"] !== "chunked")
    return within(bytes, head.length + Number(head.headers["content-length"] ?? 0));
  let at = head.length;
  for (;;) {
    const lineEnd = bytes.indexOf(CRLF, at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (size === 0) return within(bytes, at);
  }
}

function within(bytes: Buffer, end: number): number | undefined {
  return end <= bytes.length ? end : undefined;
}
