import { printable } from "../../status/printable.ts";

/** Whether it is an address of https, with no name and no password in it that could pass for a host. */
export function isLink(text: string): boolean {
  if (!/^https:\/\/\S+$/.test(text) || printable(text) !== text) return false;
  try {
    const { protocol, username, password } = new URL(text);
    return protocol === "https:" && username === "" && password === "";
  } catch {
    return false;
  }
}
