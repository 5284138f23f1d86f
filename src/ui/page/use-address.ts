import { useEffect, useRef, useState } from "preact/hooks";
import { addressIn, hashOf, type PageAddress, type Route, type TableSettings } from "./route.ts";
import { later } from "./time.ts";

/** A browser takes only so many changes of the address in a while: typing and dragging make many. */
const CALM_MS = 300;

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
  /** What the last entry of the history was made by, if it was a stream: the rest of that stream goes into the same entry. */
  const stream = useRef("");
  useEffect(() => {
    const onChange = (): void => {
      cancel.current();
      stream.current = "";
      latest.current = addressIn(location.hash);
      setAddress(latest.current);
    };
    // The first for the back button within what this page pushed, the second for links.
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
    else cancel.current = later(CALM_MS, () => write(Object.keys(part).join()));
  };
  return { ...address, change, hrefOf: (route) => hashOf({ route, table: address.table }) };
}
