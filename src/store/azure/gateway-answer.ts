import { firstSentence } from "./clean-text.ts";

/** As far as a page is read for its title, and as far as that is read. */
const LONGEST_READ = 16_384;
const LONGEST_TITLE = 1_000;
const ENTITIES: Readonly<Record<string, string>> = Object.freeze({
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
});

/**
 * An answer that is not the service's, in one line: its status, and what a proxy or a gateway calls its page: `407
 * "Proxy Authentication Required"`.
 */
export function gatewayReason(status: number | undefined, body: unknown): string {
  const title = typeof body === "string" ? titleIn(body.slice(0, LONGEST_READ)) : "";
  return [status, title === "" ? undefined : `"${title}"`].filter((part) => part !== undefined).join(" ");
}

/** The title of a page, its first heading, or the text itself where it is no page. */
function titleIn(body: string): string {
  const [, , page] = /<(title|h1)\b[^>]*>([\s\S]*?)<\/\1>/i.exec(body) ?? [];
  if (page !== undefined) return firstSentence(asText(page.slice(0, LONGEST_TITLE)));
  return /^\s*[<{[]/.test(body) ? "" : firstSentence(body);
}

function asText(html: string): string {
  return decoded(html.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ");
}

/** Also what was encoded twice: what is searched for secrets has to be what is shown. */
function decoded(text: string): string {
  const once = text
    .replace(/&#(?:x([\da-f]{1,6})|(\d{1,7}));/gi, (_, hex?: string, decimal = "") =>
      charOf(hex ? Number.parseInt(hex, 16) : Number(decimal)),
    )
    .replace(/&(\w+);/g, (entity, name: string) => ENTITIES[name.toLowerCase()] ?? entity);
  return once === text ? text : decoded(once);
}

function charOf(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "";
}
