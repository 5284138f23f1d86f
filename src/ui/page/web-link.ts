import { printable } from "../../status/printable.ts";

/** Whether a text is an https address. One with a user name or a password is none: they could pass for a host. */
export function isLink(text: string): boolean {
  if (!/^https:\/\/\S+$/.test(text) || printable(text) !== text) return false;
  try {
    const { protocol, username, password } = new URL(text);
    return protocol === "https:" && username === "" && password === "";
  } catch {
    return false;
  }
}
