import { createHmac } from "node:crypto";
import type { ReservedBlock } from "../../lease/fencing.ts";

const RADIX = 36;
const PROOF_CHARACTERS = 22;
const TOKENS_FORM = /^([0-9a-z]{1,11})\.([0-9a-z]{1,4})\.[\w-]{22}$/;

/**
 * P60. What a message says of tokens that a record reserves for a waiter. Only those who know its lease id, who can
 * list the queue, can say it, and only the waiter under that lease id believes it, of that very record.
 */
export function tokensText({ next, top, etag }: ReservedBlock, leaseId: string): string {
  const range = `${next.toString(RADIX)}.${(top - next).toString(RADIX)}`;
  const proof = createHmac("sha256", leaseId).update(`${range} ${etag}`).digest("base64url");
  return `${range}.${proof.slice(0, PROOF_CHARACTERS)}`;
}

/** The block that the text says. Undefined if it is not proved to be of this waiter and of the record at this ETag. */
export function reservedIn(text: string, leaseId: string, etag: string): ReservedBlock | undefined {
  const [, first = "", more = ""] = TOKENS_FORM.exec(text) ?? [];
  const next = Number.parseInt(first, RADIX);
  const block = { next, top: next + Number.parseInt(more, RADIX), etag };
  return Number.isSafeInteger(block.top) && tokensText(block, leaseId) === text ? block : undefined;
}
