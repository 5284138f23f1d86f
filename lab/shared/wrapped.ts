/** The most columns of a line of Markdown; `npm run house` counts the longer ones. */
const MOST_COLUMNS = 100;
/** A word with the code in it, which may have spaces. No line ends within it. */
const PIECE = /(?:`[^`]+`|\S)+/g;
/** A piece that, at the start of a line, makes a list, a heading, a quotation or a table of that line. */
const MAKES_BLOCK = /^(?:[-+*]|#{1,6}|\d+[.)]|=+)$|^[>|]/;

/** Paragraphs and lists of Markdown in lines of at most 100 columns. A longer piece has a line of its own. */
export function wrapped(text: string): string {
  return text
    .split(/(\n\n|\n(?=[-*] ))/)
    .map((part) => (part.startsWith("\n") ? part : wrappedParagraph(part)))
    .join("");
}

function wrappedParagraph(text: string): string {
  const hanging = /^[-*] /.test(text) ? "  " : "";
  const lines: string[] = [];
  for (const piece of piecesOf(text)) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(piece);
    else if (last.length + 1 + piece.length > MOST_COLUMNS) lines.push(hanging + piece);
    else lines[lines.length - 1] = `${last} ${piece}`;
  }
  return lines.join("\n");
}

function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (const [piece] of text.matchAll(PIECE)) {
    const last = pieces.length - 1;
    if (last >= 0 && (MAKES_BLOCK.test(piece) || /^[-*]$/.test(pieces[last] ?? ""))) pieces[last] += ` ${piece}`;
    else pieces.push(piece);
  }
  return pieces;
}

/** A table of Markdown. */
export function markdownTable(
  head: readonly string[],
  alignment: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  return [head, alignment, ...rows].map(markdownRow).join("\n");
}

export function markdownRow(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}
