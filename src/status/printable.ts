/**
 * Characters that a terminal or a page does not show as themselves. Control characters move the cursor or colour the
 * screen, bidirectional ones turn the text around, invisible ones and strange spaces make two keys look the same.
 */
const MISLEADING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/** Text of other processes, as a terminal and the page show it: `\x1b` for an escape, `\u{202e}` for an override. */
export function printable(text: string): string {
  return text.replace(MISLEADING, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
  });
}
