export { printable } from "../facts/printable.ts";

/** A terminal gives it two columns. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6])$/u;
const COMBINING = /^\p{M}$/u;

/** How many columns of a terminal a printable text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += COMBINING.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return columns;
}
