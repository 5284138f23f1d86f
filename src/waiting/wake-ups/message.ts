/**
 * The words of messages.
 *
 * - `waiting <id>.<n>`: a waiter waits. It asks the holder for an answer, for the n-th time.
 * - `held <id>.<n> …`: the holder answers these waiters. It will tell when it releases the lock.
 * - `taken <id>`: the waiter, or a process that did not wait, holds the lock now.
 * - `released <id> … [=<tokens>]`: the lock is being released. These waiters ask first, one after the other.
 * - `released-at <time>`: when that is, said just before. In microseconds of a clock that all share. It is a message of
 *   its own: earlier versions drop a message with a word, or more in it, than they know.
 * - `left <id>`: the waiter has given up.
 */
const WORDS = ["waiting", "held", "taken", "released-at", "released", "left"] as const;

export interface WakeUpMessage {
  readonly word: (typeof WORDS)[number];
  /** Ids of waiters, which are no lease ids; or the time. */
  readonly ids: readonly string[];
  /** With `released`: the tokens that are reserved for the first of them. Default: none. */
  readonly tokens?: string | undefined;
}

/** As many ids as fit into 200 characters. */
export const MOST_IDS = 4;

const WAITER_ID = String.raw` [0-9a-z-]{1,36}(?:\.[0-9]{1,6})?`;
const FORM = new RegExp(`^(?:released|(?:${WORDS.join("|")})${WAITER_ID})(?:${WAITER_ID}){0,${MOST_IDS - 1}}$`);
const TOKENS = /^(released .*) =([\w.-]{1,40})$/;

export function messageText({ word, ids, tokens }: WakeUpMessage): string {
  return [word, ...ids, ...(tokens === undefined ? [] : [`=${tokens}`])].join(" ");
}

/** What a text says. Undefined for what is no message of ours: any process may write to a channel. */
export function messageIn(text: unknown): WakeUpMessage | undefined {
  if (typeof text !== "string") return undefined;
  const [, plain = text, tokens] = TOKENS.exec(text) ?? [];
  if (!FORM.test(plain)) return undefined;
  const [word, ...ids] = plain.split(" ");
  return { word: word as WakeUpMessage["word"], ids, tokens };
}

/** The waiter that asks. */
export function waiterOf(ask: string): string {
  return ask.split(".", 1)[0] ?? ask;
}
