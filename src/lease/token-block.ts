import type { HolderDescription } from "../blobs/holder.ts";
import { isOnlyClaimed } from "../blobs/lock-record.ts";
import { StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { sleep } from "../time/clock.ts";
import type { KnownBlob } from "./known-blob.ts";
import type { ServiceTime } from "./last-stamp.ts";
import type { LockBlob } from "./lock-blob.ts";

/**
 * A token is at least the service's time in seconds times this, so that it is higher than those of a record that was
 * wiped.
 */
const TOKENS_PER_SECOND = 1_000_000;
/** How many tokens a holder reserves with one write. */
const BLOCK_SIZE = 1_024;
/** P28: A blob without our record may have lost it this very second, and two front ends may disagree by another. */
const SEED_AFTER_MS = 2_000;
/** Front ends whose clocks differ by more than this do not know what time it is. */
const LONGEST_SEED_MS = 5_000;
/** Tokens from `next` to `top`. */
export interface Block {
  next: number;
  readonly top: number;
}

export interface NextBlockOptions {
  readonly description: HolderDescription;
  /** The highest token that this process ever reserved. */
  readonly highest: number;
  readonly signal: AbortSignal;
}

/** Waits, if need be, until the service's time leaves room for a block. */
export async function nextBlock(
  { clock, key }: LockBlob,
  { record, metadata, lastModified, time }: KnownBlob,
  { signal, description, highest }: NextBlockOptions,
): Promise<Block> {
  const isNew = isOnlyClaimed(metadata);
  const seedInMs = record || isNew ? 0 : lastModified + SEED_AFTER_MS - time.ms;
  if (seedInMs > LONGEST_SEED_MS)
    throw new StoreUnavailableError(
      `the blob of "${key}" was written ${seedInMs} ms from now, by its Last-Modified`,
      key,
      {
        answered: true,
      },
    );
  if (seedInMs > 0) await sleep(clock, seedInMs, { signal });
  for (;;) {
    const earlier = isNew ? secondOf(lastModified) * TOKENS_PER_SECOND - 1 : 0;
    const stored = Math.max(record?.top ?? earlier, highest);
    const block = reserve(stored, time.ms, blockSizeFor(description));
    if (block && !Number.isSafeInteger(block.top))
      throw new StoreRefusedError(
        `there is no room for tokens of "${key}": the top of its record is ${stored}, the service's time ${time.ms}`,
        key,
      );
    if (block) return block;
    await sleep(clock, (secondOf(time.ms) + 1) * 1_000 - time.ms, { signal });
  }
}

export function takeNext(block: Block): number {
  const token = block.next;
  block.next += 1;
  return token;
}

/** A holder that announces each token has to write for each, and so reserves no more than that. */
export function blockSizeFor({ announces }: HolderDescription): number {
  return announces ? 1 : BLOCK_SIZE;
}

/** The next block after `stored` in the service's present second, or undefined when that second has none left. */
export function reserve(stored: number, serviceMs: number, size: number): Block | undefined {
  // P23, P24: from the service's time on, and not beyond its present second.
  const floor = secondOf(serviceMs) * TOKENS_PER_SECOND;
  const ceiling = floor + TOKENS_PER_SECOND - 1;
  const next = Math.max(stored + 1, floor);
  // Tokens beyond this second mean that the service's clock went back: they go on where they are.
  if (stored > ceiling) return { next, top: stored + size };
  if (next > ceiling) return undefined;
  return { next, top: Math.min(next + size - 1, ceiling) };
}

export function secondOf(ms: number): number {
  return Math.floor(ms / 1_000);
}

/** What a record bears as a date: whole seconds, as the service counts them. */
export function dateOf({ ms }: ServiceTime): number {
  return secondOf(ms) * 1_000;
}
