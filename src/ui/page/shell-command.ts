import { printable } from "../../status/printable.ts";

/** The command that breaks a lock, as bash, zsh and ksh take it. */
export function breakCommandLine(key: string, container: string): string {
  const which = container === "locks" ? "" : ` --container ${container}`;
  return `azmutex break${which} ${key.startsWith("-") ? "-- " : ""}${shellQuoted(key)}`;
}

function shellQuoted(text: string): string {
  if (/^[\w./:-]+$/.test(text)) return text;
  if (printable(text) === text) return `'${text.replaceAll("'", `'\\''`)}'`;
  return `$'${[...text].map(escaped).join("")}'`;
}

/** A character within `$'…'`. One that does not print is written as its number. */
function escaped(char: string): string {
  if (char === "'" || char === "\\") return `\\${char}`;
  if (printable(char) === char) return char;
  return `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
}
