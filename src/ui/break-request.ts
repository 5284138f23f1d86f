import type { BreakOptions } from "../index.ts";
import type { PageBreakRequest, Part } from "./snapshot.ts";

/** The request in what a page sent. Undefined if it is none. */
export function breakRequestIn(text: string): PageBreakRequest | undefined {
  let sent: unknown;
  try {
    sent = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(sent)) return undefined;
  const { key, typed, holder, atOnce } = sent;
  const part = partIn(sent.part);
  if (typeof key !== "string" || typeof typed !== "string" || typeof atOnce !== "boolean" || !part) return undefined;
  if (holder !== undefined && typeof holder !== "string") return undefined;
  // Readers are broken by the name of their holder.
  if (part.kind === "reader" && holder === undefined) return undefined;
  return { key, typed, part, atOnce, ...(holder !== undefined && { holder }) };
}

/** The options of `AzureMutex.break` for a request of the page. */
export function breakOptionsOf({ part, holder, atOnce }: PageBreakRequest): BreakOptions {
  const when = atOnce ? { periodSeconds: 0 } : {};
  if (part.kind === "reader") return { ...when, ...(holder !== undefined && { reader: holder }) };
  const ifHolder = holder === undefined ? {} : { ifHolder: holder };
  return { ...when, ...ifHolder, ...(part.kind === "permit" && { permit: part.slot }) };
}

function partIn(sent: unknown): Part | undefined {
  if (!isObject(sent)) return undefined;
  const { kind, slot } = sent;
  if (kind === "lock" || kind === "reader") return { kind };
  return kind === "permit" && typeof slot === "number" ? { kind, slot } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
