/** The longest sentence of another program that a message quotes, in characters. */
const LONGEST_SENTENCE = 200;
/** What moves a cursor, or turns a text around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** The names before a secret, as `name=value` or `"name": "value"`. */
const SECRET_NAMES =
  "sig|signature|accountkey|sharedaccesssignature|authorization|token|assertion|client_secret|password";
const NAMED_SECRET = new RegExp(`(?<![a-z])(${SECRET_NAMES})\\b(["']?\\s*(?:[=:]|%3d)\\s*).*`, "gi");
/** As long as a signature or a key in base64, plain or as part of a URL. No word and no UUID is. */
const LONG_CODE = /[A-Za-z0-9+/_=%-]{40,}/g;

/** The first line, without anything that could be a signature, a key or a token. */
export function cleanLine(message: string): string {
  const [firstLine = ""] = message.split("\n");
  return firstLine
    .replace(/\?[^\s"'<>]*/g, "?…")
    .replace(NAMED_SECRET, "$1$2…")
    .replace(/\b(Bearer|SharedKey)\s+\S+/gi, "$1 …")
    .replace(/\beyJ[\w-]+(?:\.[\w-]*)*/g, "…");
}

/**
 * The first line of a text of another program's, for a message in one line: without secrets and query strings, with
 * control characters escaped, of bounded length, without a full stop at its end. Empty if there is none.
 */
export function cleanSentence(text: string): string {
  const line = cleanLine(text.trim().slice(0, 4 * LONGEST_SENTENCE));
  const safe = line
    .replace(/[\s.]+$/, "")
    .replace(LONG_CODE, "…")
    .replace(UNPRINTABLE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return safe.length > LONGEST_SENTENCE ? `${safe.slice(0, LONGEST_SENTENCE)}…` : safe;
}

/** The first sentence of it. */
export function firstSentence(text: string): string {
  const [sentence = text] = /^.*?[.!](?=\s|$)/.exec(text.trim()) ?? [];
  return cleanSentence(sentence);
}
