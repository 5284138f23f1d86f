import { AccessDeniedError, type MutexError, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";
import { OPERATION_WORDS, type Operation } from "../operation.ts";
import type { StoreAddress } from "../store-address.ts";
import type { FailedRequest } from "./blob-status.ts";

/** What could not be done, and where: `could not acquire "nightly" in acme/locks`. */
function attempted(operation: Operation, key: string | undefined, address: StoreAddress | undefined): string {
  const words = OPERATION_WORDS[operation];
  const what = key ? `${words.includes(" ") ? `${words} of` : words} "${key}"` : words;
  return `could not ${what}${address ? ` in ${address.name}` : ""}`;
}

/** How a message ends that people may need more of than it has. */
const ASK_DOCTOR = "azmutex doctor says more";

/** The error for a failure that the operation has no answer for. */
export function errorFor(
  operation: Operation,
  key: string | undefined,
  failure: FailedRequest,
  address?: StoreAddress,
): MutexError {
  const { outcome, reason, cause, answered, retryAfterMs } = failure;
  const what = attempted(operation, key, address);
  switch (outcome.kind) {
    case "unsure":
    case "vanishing": {
      const why = unavailable(failure, address?.host ?? "the service");
      return new StoreUnavailableError(`${what}: ${why.text}`, key, {
        cause,
        answered,
        retryAfterMs,
        host: address?.host,
        reason: why.reason,
      });
    }
    case "denied":
      return new AccessDeniedError(`${what}: the credentials were refused: ${reason}; ${ASK_DOCTOR}`, key, {
        cause,
        why: failure.denial?.why,
      });
    default:
      return new StoreRefusedError(`${what}: the service refused: ${reason}`, key, { cause });
  }
}

/** What did not answer, and why; and the reason alone, for a line that names the host already. */
function unavailable(
  { source, reason }: FailedRequest,
  host: string,
): { readonly text: string; readonly reason: string } {
  switch (source) {
    case "token":
      return same(`no token from the credential: ${reason}`);
    case "answer":
      return same(reason);
    case "service":
      return { text: `${host} answered ${reason}`, reason: `it answered ${reason}` };
    case "gateway":
      return {
        text: `a proxy or gateway answered instead of ${host}: ${reason}`,
        reason: `a proxy or gateway answered: ${reason}`,
      };
    case "network":
      return { text: `no answer from ${host}: ${reason}`, reason };
  }
}

const same = (text: string) => ({ text, reason: text });
