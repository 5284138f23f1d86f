import { createHash } from "node:crypto";

const DIGITS = 32;

/** What a waiter of the fair queue is called on the channel: those who know its lease id know it, and no others. */
export function publicId(leaseId: string): string {
  return createHash("sha256").update(leaseId).digest("hex").slice(0, DIGITS);
}
