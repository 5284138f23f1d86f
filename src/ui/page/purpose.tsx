import { printable } from "../../status/printable.ts";
import { isLink } from "./web-link.ts";

/** What a lock is held for: a link where it is nothing but one. Another process wrote it. */
export function Purpose({ text, tabIndex }: { readonly text: string; readonly tabIndex?: number }) {
  if (!isLink(text)) return <>{printable(text)}</>;
  return (
    <a href={text} target="_blank" rel="noopener noreferrer" tabIndex={tabIndex}>
      {text}
    </a>
  );
}
