/** Words as a user would type them in a shell; of more than `most` the first ones, and `...`. */
export function shellWords(words: readonly string[], most: number = Number.POSITIVE_INFINITY): string {
  const shown = words
    .slice(0, most)
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return [...shown, ...(words.length > most ? ["..."] : [])].join(" ");
}
