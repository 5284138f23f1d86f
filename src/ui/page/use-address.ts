import { useEffect, useRef, useState } from "preact/hooks";
import { addressIn, hashOf, type PageAddress, type Route, type TableSettings } from "./route.ts";
import { startTimer } from "./time.ts";

/** The pause after which a stream of changes is written: browsers limit how often an address may change. */
const SETTLE_MS = 300;

/** `step`: the back button undoes it. `stream`: one of many, all of which the back button undoes at once. */
export type ChangeKind = "step" | "stream";

export interface Address extends PageAddress {
  change(change: Partial<TableSettings>, kind: ChangeKind): void;
  /** Leads to a route, and leaves the table as it is. */
  hrefOf(route: Route): string;
}

/** What the page shows, kept in the fragment of its address. */
export function useAddress(): Address {
  const [address, setAddress] = useState(() => addressIn(location.hash));
  const latest = useRef(address);
  const cancel = useRef<() => void>(() => undefined);
  /** The stream that made the last entry of the history, if one did: its next changes go into the same entry. */
  const stream = useRef("");
  useEffect(() => {
    const onChange = (): void => {
      cancel.current();
      stream.current = "";
      latest.current = addressIn(location.hash);
      setAddress(latest.current);
    };
    // `popstate` comes from the back button, `hashchange` from links.
    addEventListener("popstate", onChange);
    addEventListener("hashchange", onChange);
    return () => {
      removeEventListener("popstate", onChange);
      removeEventListener("hashchange", onChange);
    };
  }, []);
  const write = (name: string): void => {
    const hash = hashOf(latest.current);
    if (hash === hashOf(addressIn(location.hash))) return;
    if (name !== "" && name === stream.current) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
    stream.current = name;
  };
  const change: Address["change"] = (part, kind) => {
    cancel.current();
    latest.current = { ...latest.current, table: { ...latest.current.table, ...part } };
    setAddress(latest.current);
    if (kind === "step") write("");
    else cancel.current = startTimer(SETTLE_MS, () => write(Object.keys(part).join()));
  };
  return { ...address, change, hrefOf: (route) => hashOf({ route, table: address.table }) };
}
