import type { AccessDeniedWhy } from "../../errors.ts";
import { wallTime } from "../../time/clock.ts";
import type { Operation } from "../operation.ts";

/** What an answer that denies access is about, by the service's code. */
export type Questioned = "signature" | "access" | "right" | "scope" | "keys" | "account" | "token";

/** Why access was denied, as far as the answer tells, and a hint for people. */
export interface Denial {
  readonly why: AccessDeniedWhy | undefined;
  readonly hint: string | undefined;
}

/** What a denial is read from. */
export interface DeniedRequest {
  readonly about: Questioned;
  readonly message: string;
  /** The service's own detail on a signature. It quotes signatures: it is read, and never shown. */
  readonly detail: string;
  /** The answer's `Date`, in milliseconds since 1970; NaN without one. */
  readonly date: number;
  /** What the request was for. */
  readonly operation: Operation | undefined;
  /** From when and until when the SAS is good, in milliseconds since 1970; NaN if that is not known. */
  readonly signedFrom: number;
  readonly signedUntil: number;
}

/** A signature of another time is refused: an account's key signs for a quarter of an hour, give or take. */
const SKEW_MS = 10 * 60_000;
const MINUTE_MS = 60_000;
const WRITE = "to write (w in a SAS)";

const LIST = "to list (l in a SAS)";

type ListOperation = Extract<Operation, `list${string}`>;

/** The right that each operation takes. */
const RIGHTS: Readonly<Record<Exclude<Operation, ListOperation>, string>> = Object.freeze({
  acquire: WRITE,
  renew: WRITE,
  change: WRITE,
  release: WRITE,
  break: "to write or to delete (w or d in a SAS)",
  create: "to create or to write (c or w in a SAS)",
  createContainer: "to create containers (c of an account's SAS)",
  read: "to read (r in a SAS)",
  writeRecord: WRITE,
  remove: "to delete (d in a SAS)",
});

function isListing(operation: Operation): operation is ListOperation {
  return operation.startsWith("list");
}

export function denialOf(request: DeniedRequest): Denial {
  const { about, operation } = request;
  switch (about) {
    case "signature":
      return signatureDenial(request);
    case "access":
      // Azurite's word for a wrong signature is Azure's for network rules.
      return /failed to authenticate/.test(request.message) || isOutOfTime(request)
        ? signatureDenial(request)
        : networkDenial(request);
    case "right": {
      const hint = operation && `it lacks the right ${isListing(operation) ? LIST : RIGHTS[operation]}`;
      return { why: "right", hint };
    }
    case "scope":
      return { why: "scope", hint: "the SAS is for another network, protocol, service or kind of resource" };
    case "keys":
      return { why: "keysOff", hint: "the account takes no keys: sign in with Entra ID" };
    case "account":
      return { why: "account", hint: "the account is disabled" };
    case "token":
      return { why: "token", hint: "the token is of another tenant, or not for storage" };
  }
}

function signatureDenial(request: DeniedRequest): Denial {
  const { detail, date, signedUntil, signedFrom } = request;
  if (signedUntil <= date) return { why: "sasExpired", hint: `the SAS expired at ${isoSeconds(signedUntil)}` };
  if (signedFrom > date)
    return { why: "sasNotYetValid", hint: `the SAS is not valid before ${isoSeconds(signedFrom)}` };
  if (/not well formed|is mandatory|malformed/i.test(detail))
    return { why: "sasMalformed", hint: "the SAS cannot be read: was a part of it cut off?" };
  const skew = skewOf(date);
  if (skew !== undefined) return { why: "clock", hint: skew };
  return { why: "key", hint: "is the key, or the SAS, right?" };
}

function networkDenial({ date, message }: DeniedRequest): Denial {
  const skew = skewOf(date);
  if (skew !== undefined) return { why: "clock", hint: skew };
  // Without a body it may be either.
  if (message === "" || !message.includes(" ")) return { why: undefined, hint: undefined };
  return { why: "network", hint: "do the account's network rules let this machine in?" };
}

function isOutOfTime({ signedUntil, signedFrom, date }: DeniedRequest): boolean {
  return signedUntil <= date || signedFrom > date;
}

/** That this machine's clock is wrong, by the date of the service's answer. */
function skewOf(date: number): string | undefined {
  const aheadMs = wallTime() - date;
  if (!(Math.abs(aheadMs) > SKEW_MS)) return undefined;
  const side = aheadMs > 0 ? "ahead of" : "behind";
  return `this machine's clock is ${Math.round(Math.abs(aheadMs) / MINUTE_MS)} min ${side} the service's`;
}

const isoSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.000Z$/, "Z");
