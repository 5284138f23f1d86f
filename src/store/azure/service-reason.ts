import type { Operation } from "../operation.ts";
import type { StoreAddress } from "../store-address.ts";
import { firstSentence } from "./clean-text.ts";
import { type Denial, denialOf, type Questioned } from "./denial.ts";

/** What is known of a store before it is asked, for the words of an error. */
export interface StoreFacts {
  readonly address?: StoreAddress | undefined;
  /** When the shared access signature that the store was given expires, in milliseconds since 1970. */
  readonly signedUntil?: number | undefined;
  /** From when on it is good, in milliseconds since 1970. */
  readonly signedFrom?: number | undefined;
}

/** An answer of the service's that refuses something. */
export interface ServiceRefusal {
  /** `409 LeaseAlreadyPresent` */
  readonly status: string;
  readonly code: string;
  /** What is known to be in question with this code. */
  readonly about: Questioned | "header" | undefined;
  /** Empty where the answer has no body. */
  readonly message: string;
  /** The service's detail on a signature. It is never shown. */
  readonly detail: string;
  /** The answer's `Date`, in milliseconds since 1970; NaN without one. */
  readonly date: number;
  /** What the request was for. */
  readonly operation: Operation | undefined;
}

/**
 * The service's status, code and first sentence, and what to look at: `403 AuthenticationFailed: Server failed to …
 * (…)`.
 */
export function serviceReason(refusal: ServiceRefusal, { address }: StoreFacts, denial: Denial | undefined): string {
  const { status, code, message } = refusal;
  const sentence = /^\s*[<{[]/.test(message) ? "" : firstSentence(message);
  // The SDK puts the code in the message's place where there is none.
  const said = sentence === "" || sentence === code || sentence === status ? "" : `: ${sentence}`;
  const hint = denial ? denial.hint : headerHint(refusal, address);
  return `${status}${said}${hint === undefined ? "" : ` (${hint})`}`;
}

/** Why access was denied, if that is what the answer says. */
export function denialIn(refusal: ServiceRefusal, facts: StoreFacts): Denial | undefined {
  const { about } = refusal;
  if (about === undefined || about === "header") return undefined;
  const { signedUntil = Number.NaN, signedFrom = Number.NaN } = facts;
  return denialOf({ ...refusal, about, signedUntil, signedFrom });
}

function headerHint({ about, message }: ServiceRefusal, address: StoreAddress | undefined): string | undefined {
  if (about !== "header") return undefined;
  // A HEAD has no body to say it. Azure has all versions of the SDK's, an emulator may be older.
  const isOldAzurite = message === "" ? address?.account.includes("/") : message.includes("--skipApiVersionCheck");
  return isOldAzurite ? "start Azurite with --skipApiVersionCheck" : undefined;
}
