import { StoreRefusedError } from "../../errors.ts";

/** A GUID as the service takes it: bare, hyphenated, or hyphenated in braces or parentheses. */
const GUID = /^(?:[0-9a-f]{32}|([({]?)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}([)}]?))$/i;

/** The id in one form, whatever form of a GUID it comes in. Throws `StoreRefusedError` for anything else. */
export function leaseIdOf(key: string, leaseId: string): string {
  const [guid, opening = "", closing = ""] = GUID.exec(leaseId) ?? [];
  if (guid === undefined || !["", "()", "{}"].includes(opening + closing)) throw invalid(key, "lease id", leaseId);
  return leaseId.replace(/[^0-9a-f]/gi, "").toLowerCase();
}

/** Throws `StoreRefusedError` unless it is whole seconds within the limits. */
export function inRange(key: string, what: string, seconds: number, least: number, most: number): void {
  if (!Number.isInteger(seconds) || seconds < least || seconds > most) throw invalid(key, what, seconds);
}

function invalid(key: string, what: string, value: string | number): StoreRefusedError {
  return new StoreRefusedError(`"${key}": 400 InvalidHeaderValue (${what} ${value})`, key);
}
