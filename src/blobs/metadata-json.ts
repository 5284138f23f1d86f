/** JSON that can travel in HTTP headers, which carry ASCII: it has an escape for everything else. */
export function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The text, or as much of its beginning as fits into so many bytes as JSON in ASCII, followed by an ellipsis. Empty if
 * not even the ellipsis fits.
 */
export function shortened(text: string, bytes: number): string {
  if (sizeOf(text) <= bytes) return text;
  const dots = "…";
  let left = bytes - sizeOf(dots);
  if (left < 0) return "";
  let beginning = "";
  // By code points: half of one would be no text.
  for (const character of text) {
    left -= sizeOf(character) - QUOTES;
    if (left < 0) break;
    beginning += character;
  }
  return `${beginning}${dots}`;
}

const QUOTES = 2;

/** With its quotes. */
function sizeOf(text: string): number {
  return toAsciiJson(text).length;
}

/** The object that the text says, or undefined if it says none. */
export function jsonOf(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}
