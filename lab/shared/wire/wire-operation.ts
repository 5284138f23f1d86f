import type { IncomingHttpHeaders } from "node:http";

/** A request of the Blob service's REST interface, in the words of `LeaseStore` where it has one for it. */
export type WireOperation =
  | "acquire"
  | "renew"
  | "release"
  | "change"
  | "break"
  | "createContainer"
  | "deleteContainer"
  | "create"
  | "putBlob"
  | "deleteBlob"
  | "read"
  | "writeMetadata"
  | "list"
  | "other";

const LEASE_ACTIONS = ["acquire", "renew", "release", "change", "break"] as const;

export function operationOf(method: string, path: string, headers: IncomingHttpHeaders): WireOperation {
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
