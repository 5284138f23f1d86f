import type { StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import { obstacleOf } from "../../store/azure/blob-status.ts";
import type { WayInFinding } from "../findings/way-in.ts";

/** What the codes of a failed connection mean. */
const BY_CODE: readonly (readonly [RegExp, WayInFinding])[] = [
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, "no-name"],
  [/^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/, "tls-unknown-authority"],
  [/^(?:CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO)$/, "tls-failed"],
  [/^E[A-Z]+$/, "no-connection"],
];

interface Cause {
  readonly code?: unknown;
  readonly statusCode?: unknown;
}

/** What stands between this machine and the service, by how a request failed. */
export function obstacleIn(error: StoreUnavailableError | StoreRefusedError): WayInFinding {
  const { code, statusCode } = (error.cause ?? {}) as Cause;
  if (error.code === "STORE_REFUSED") return obstacleOf(code) === "apiVersion" ? "api-version" : "refused";
  if (/no token from the credential/.test(error.message)) return "login-unanswered";
  if (error.answered) return obstacleOf(code) === "beingDeleted" ? "container-being-deleted" : "service-fails";
  if (statusCode !== undefined) return "not-the-service";
  const [, obstacle] = BY_CODE.find(([pattern]) => pattern.test(String(code))) ?? [];
  if (obstacle !== undefined) return obstacle;
  // An answer that proves nothing has a reason; one that did not come in time has none.
  if (error.reason !== undefined)
    return /lacks ETag, Last-Modified or Date/.test(error.reason) ? "no-date" : "not-the-service";
  return "no-answer";
}
