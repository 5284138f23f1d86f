/** JSON that can travel in HTTP headers, which carry ASCII: it has an escape for everything else. */
export function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The beginning of the text that takes so many bytes as JSON in ASCII. */
export function shortened(text: string, bytes: number): string {
  let end = Math.min(text.length, bytes);
  while (toAsciiJson(text.slice(0, end)).length > bytes) end -= 1;
  return text.slice(0, end);
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
