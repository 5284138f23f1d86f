/** What a terminal gives one column for each character. */
const PLAIN = /^[\x20-\x7e]*$/;
/** The blocks of East Asian width W and F (Unicode UAX 11); emoji have a property of their own. */
const WIDE_BLOCKS =
  "\\u1100-\\u115f\\u2329\\u232a\\u2e80-\\u303e\\u3041-\\ua4cf\\ua960-\\ua97c\\uac00-\\ud7a3\\uf900-\\ufaff" +
  "\\ufe10-\\ufe19\\ufe30-\\ufe6f\\uff01-\\uff60\\uffe0-\\uffe6" +
  "\\u{16fe0}-\\u{18dff}\\u{1aff0}-\\u{1b2ff}\\u{1f200}-\\u{1f265}\\u{20000}-\\u{3fffd}";
const WIDE = new RegExp(`^(?:\\p{Emoji_Presentation}|[${WIDE_BLOCKS}])`, "u");
/** With U+FE0F, or as a keycap, a character that is also plain text is shown as an emoji. */
const EMOJI_SEQUENCE = /^\p{Emoji}.*[\ufe0f\u20e3]/u;
const COMBINING = /^\p{M}+$/u;
const ELLIPSIS = "…";

let segmenter: Intl.Segmenter | undefined;

/** Made on first use: it costs the start of every command 7 ms. */
function graphemesIn(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** What a reader takes for one character, with the columns of a terminal that it takes. */
interface Grapheme {
  readonly text: string;
  readonly columns: number;
}

function graphemesOf(text: string): Grapheme[] {
  if (PLAIN.test(text)) return [...text].map((char) => ({ text: char, columns: 1 }));
  return [...graphemesIn(text)].map(({ segment }) => ({ text: segment, columns: widthOf(segment) }));
}

function widthOf(grapheme: string): number {
  if (COMBINING.test(grapheme)) return 0;
  return WIDE.test(grapheme) || EMOJI_SEQUENCE.test(grapheme) ? 2 : 1;
}

/** How many columns of a terminal a printable text takes. */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return graphemesOf(text).reduce((sum, { columns }) => sum + columns, 0);
}

/** Which part of a text gives way to an ellipsis where there is no room for all of it. */
export type Cut = "middle" | "end";

/** As much of a printable text as fits, with an ellipsis for the rest: both ends of it, or its beginning. */
export function cutTo(columns: number, text: string, cut: Cut = "end"): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return "";
  const graphemes = graphemesOf(text);
  const tail = cut === "middle" ? headOf(graphemes.toReversed(), Math.floor((columns - 1) / 2)).toReversed() : [];
  const head = headOf(graphemes, columns - 1 - widthOfAll(tail));
  return `${textOf(head)}${ELLIPSIS}${textOf(tail)}`;
}

function headOf(graphemes: readonly Grapheme[], columns: number): Grapheme[] {
  let left = columns;
  const end = graphemes.findIndex((grapheme) => {
    left -= grapheme.columns;
    return left < 0;
  });
  return graphemes.slice(0, end === -1 ? graphemes.length : end);
}

const widthOfAll = (graphemes: readonly Grapheme[]): number => graphemes.reduce((sum, { columns }) => sum + columns, 0);
const textOf = (graphemes: readonly Grapheme[]): string => graphemes.map(({ text }) => text).join("");

/**
 * Divides room among those that want it: each gets what it wants, or those that want more than their part get equal
 * parts.
 */
export function shareOut(room: number, wanted: readonly number[]): number[] {
  const shares = wanted.map(() => 0);
  let left = Math.max(0, room);
  const byWant = [...wanted.keys()].sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  for (const [done, index] of byWant.entries()) {
    const share = Math.min(wanted[index] ?? 0, Math.floor(left / (wanted.length - done)));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

/** A part of a line that may be cut; a string is never cut. */
export type LinePart = string | { readonly text: string; readonly cut: Cut };

/** The parts as one line of at most so many columns. */
export function lineOf(columns: number, parts: readonly LinePart[]): string {
  return cutTo(columns, partsThatFit(columns, parts).join(""));
}

/** The texts of the parts, those that may be cut so short that all of them fit if the others leave room for them. */
export function partsThatFit(columns: number, parts: readonly LinePart[]): string[] {
  const isFixed = (part: LinePart): part is string => typeof part === "string";
  const room = columns - parts.filter(isFixed).reduce((sum, text) => sum + columnsOf(text), 0);
  const flexible = parts.flatMap((part) => (isFixed(part) ? [] : [columnsOf(part.text)]));
  const shares = room < flexible.reduce((a, b) => a + b, 0) ? shareOut(room, flexible) : flexible;
  return parts.map((part) => (isFixed(part) ? part : cutTo(shares.shift() ?? 0, part.text, part.cut)));
}
