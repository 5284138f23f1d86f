import { wallTime } from "../../time/clock.ts";
import type { StoreAddress } from "../store-address.ts";
import { firstSentence } from "./clean-text.ts";

/** What is known of a store before it is asked, for the words of an error. */
export interface StoreFacts {
  readonly address?: StoreAddress | undefined;
  /** When the shared access signature that the store was given expires, in milliseconds since 1970. */
  readonly signedUntil?: number | undefined;
}

/** An answer of the service's that refuses something. */
export interface ServiceRefusal {
  /** `409 LeaseAlreadyPresent` */
  readonly status: string;
  readonly code: string;
  /** What is known to be in question with this code. */
  readonly about: "signature" | "access" | "header" | undefined;
  /** Empty where the answer has no body. */
  readonly message: string;
  /** The answer's `Date`, in milliseconds since 1970; NaN without one. */
  readonly date: number;
}

/** A signature of another time is refused: an account's key signs for a quarter of an hour, give or take. */
const SKEW_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

/**
 * The service's status, code and first sentence, and what to look at: `403 AuthenticationFailed: Server failed to …
 * (…)`.
 */
export function serviceReason(refusal: ServiceRefusal, facts: StoreFacts): string {
  const { status, code, message } = refusal;
  const sentence = /^\s*[<{[]/.test(message) ? "" : firstSentence(message);
  // The SDK puts the code in the message's place where there is none.
  const said = sentence === "" || sentence === code || sentence === status ? "" : `: ${sentence}`;
  const hint = refusalHint(refusal, facts);
  return `${status}${said}${hint === undefined ? "" : ` (${hint})`}`;
}

function refusalHint(
  { about, message, date }: ServiceRefusal,
  { address, signedUntil = Number.NaN }: StoreFacts,
): string | undefined {
  switch (about) {
    case "signature":
    case "access": {
      if (signedUntil <= date)
        return `the SAS expired at ${new Date(signedUntil).toISOString().replace(/\.000Z$/, "Z")}`;
      const isUnsigned = about === "signature" || message.includes("failed to authenticate");
      return skewOf(date) ?? (isUnsigned ? "is the key, or the SAS, right?" : undefined);
    }
    case "header": {
      // A HEAD has no body to say it. Azure has all versions of the SDK's, an emulator may be older.
      const isOldAzurite = message === "" ? address?.account.includes("/") : message.includes("--skipApiVersionCheck");
      return isOldAzurite ? "start Azurite with --skipApiVersionCheck" : undefined;
    }
    default:
      return undefined;
  }
}

/** That this machine's clock is wrong, by the date of the service's answer. */
function skewOf(date: number): string | undefined {
  const aheadMs = wallTime() - date;
  if (!(Math.abs(aheadMs) > SKEW_MS)) return undefined;
  const minutes = Math.round(Math.abs(aheadMs) / MINUTE_MS);
  return `this machine's clock is ${minutes} min ${aheadMs > 0 ? "ahead of" : "behind"} the service's`;
}
