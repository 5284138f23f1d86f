import { type Choice, type Column, isChoice, isColumn, type Order } from "./order.ts";
import { FOLLOWING, spanWithin, type TimelineView } from "./timeline-window.ts";

/** The content of the panel beside the table. */
export type Route =
  | { readonly kind: "locks" }
  | { readonly kind: "losses" }
  | { readonly kind: "key"; readonly key: string };

/** The filter, the order and the timeline of the table. */
export interface TableSettings {
  /** The text that locks are filtered by. */
  readonly text: string;
  readonly choice: Choice;
  readonly order: Order;
  readonly timeline: TimelineView;
}

/** All that an address contains: a link to it opens the same view. */
export interface PageAddress {
  readonly route: Route;
  readonly table: TableSettings;
}

const BY_KEY: Order = Object.freeze({ column: "key", isDescending: false });
export const WHOLE_TABLE: TableSettings = Object.freeze({
  text: "",
  choice: "all",
  order: BY_KEY,
  timeline: FOLLOWING,
});

export function addressIn(hash: string): PageAddress {
  // A key is encoded: the first question mark is not a part of it.
  const [path = "", query = ""] = hash.split("?", 2);
  return { route: routeOf(path), table: tableIn(new URLSearchParams(query)) };
}

/** The fragment of an address. Defaults are left out of it. */
export function hashOf({ route, table }: PageAddress): string {
  const query = queryOf(table).toString();
  return `${pathOf(route)}${query === "" ? "" : `?${query}`}`;
}

function routeOf(path: string): Route {
  if (path === "#/losses") return { kind: "losses" };
  const encoded = /^#\/key\/(.+)$/.exec(path)?.[1];
  if (encoded === undefined) return { kind: "locks" };
  try {
    return { kind: "key", key: decodeURIComponent(encoded) };
  } catch {
    return { kind: "locks" };
  }
}

function pathOf(route: Route): string {
  if (route.kind === "key") return `#/key/${encodeURIComponent(route.key)}`;
  return route.kind === "losses" ? "#/losses" : "#/";
}

function tableIn(query: URLSearchParams): TableSettings {
  const show = query.get("show") ?? "";
  return {
    text: query.get("q") ?? "",
    choice: isChoice(show) ? show : WHOLE_TABLE.choice,
    order: orderIn(query.get("sort") ?? ""),
    timeline: timelineIn(query),
  };
}

function orderIn(sort: string): Order {
  const column = sort.replace(/^-/, "");
  return isColumn(column) ? { column, isDescending: sort.startsWith("-") } : BY_KEY;
}

function timelineIn(query: URLSearchParams): TimelineView {
  const seconds = Number(query.get("span") ?? Number.NaN);
  const until = Date.parse(query.get("until") ?? "");
  return {
    spanMs: seconds > 0 ? spanWithin(seconds * 1_000) : "auto",
    end: Number.isNaN(until) ? "now" : until,
  };
}

function queryOf({
  text,
  choice,
  order: { column, isDescending },
  timeline: { spanMs, end },
}: TableSettings): URLSearchParams {
  const sort: `${"" | "-"}${Column}` = `${isDescending ? "-" : ""}${column}`;
  return new URLSearchParams({
    ...(text !== "" && { q: text }),
    ...(choice !== WHOLE_TABLE.choice && { show: choice }),
    ...(sort !== BY_KEY.column && { sort }),
    ...(spanMs !== "auto" && { span: String(Math.round(spanMs / 1_000)) }),
    ...(end !== "now" && { until: new Date(end).toISOString() }),
  });
}
