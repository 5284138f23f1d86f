/**
 * The words of messages.
 *
 * - `waiting <id>.<n>`: a waiter waits. It asks the holder for an answer, for the n-th time.
 * - `held <id>.<n> …`: the holder answers these waiters. It will tell when it releases the lock.
 * - `taken <id>`: the waiter, or a process that did not wait, holds the lock now.
 * - `released <id> … [=<tokens>] [@<time>]`: the lock is being released. These waiters ask first, one after the other.
 * - `left <id>`: the waiter has given up.
 */
const WORDS = ["waiting", "held", "taken", "released", "left"] as const;

export interface WakeUpMessage {
  readonly word: (typeof WORDS)[number];
  /** Ids of waiters, which are no lease ids. */
  readonly ids: readonly string[];
  /** With `released`: the tokens that are reserved for the first of them. Default: none. */
  readonly tokens?: string | undefined;
  /** With `released`: when that is, in microseconds of a clock that all share. Default: there is none. */
  readonly at?: string | undefined;
}

/** As many ids as fit into 200 characters. */
export const MOST_IDS = 4;

const WAITER_ID = String.raw` [0-9a-z-]{1,36}(?:\.[0-9]{1,6})?`;
const FORM = new RegExp(`^(?:released|(?:${WORDS.join("|")})${WAITER_ID})(?:${WAITER_ID}){0,${MOST_IDS - 1}}$`);
/** What may stand behind the ids of a release. */
const RELEASE = /^(released.*?)(?: =([\w.-]{1,40}))?(?: @(\d{1,16}))?$/;

export function messageText({ word, ids, tokens, at }: WakeUpMessage): string {
  return `${[word, ...ids].join(" ")}${tokens === undefined ? "" : ` =${tokens}`}${at === undefined ? "" : ` @${at}`}`;
}

/** What a text says. Undefined for what is no message of ours: any process may write to a channel. */
export function messageIn(text: unknown): WakeUpMessage | undefined {
  if (typeof text !== "string") return undefined;
  const [, plain = text, tokens, at] = RELEASE.exec(text) ?? [];
  if (!FORM.test(plain)) return undefined;
  const [word, ...ids] = plain.split(" ");
  return { word: word as WakeUpMessage["word"], ids, tokens, at };
}

/** The waiter that asks. */
export function waiterOf(ask: string): string {
  return ask.split(".", 1)[0] ?? ask;
}
