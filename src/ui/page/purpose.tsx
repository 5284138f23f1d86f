import { printable } from "../../status/printable.ts";
import { isLink } from "./web-link.ts";

/** The purpose of a hold, as a link if it is an https address. It is text of another process. */
export function Purpose({ text, tabIndex }: { readonly text: string; readonly tabIndex?: number }) {
  if (!isLink(text)) return <>{printable(text)}</>;
  return (
    <a href={text} target="_blank" rel="noopener noreferrer" tabIndex={tabIndex}>
      {text}
    </a>
  );
}
