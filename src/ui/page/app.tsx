import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { printable } from "../../status/printable.ts";
import { BreakDialog } from "./break-dialog.tsx";
import type { Feed } from "./feed.ts";
import { type BreakTarget, KeyPanel } from "./key-panel.tsx";
import { counted, duration, placeLabel } from "./labels.ts";
import { LockTable, linkOf } from "./lock-table.tsx";
import { LossesPanel } from "./losses-panel.tsx";
import { NoLocks, Notice, VanishedAlarm } from "./notice.tsx";
import { isChosen, matches, ordered } from "./order.ts";
import type { Route } from "./route.ts";
import { apply, keptTheme, type Theme } from "./theme.ts";
import { startInterval } from "./time.ts";
import { timelineViewOf, windowOf } from "./timeline-window.ts";
import { Toolbar } from "./toolbar.tsx";
import { useAddress } from "./use-address.ts";

const REDRAW_EVERY_MS = 1_000;

interface AppProps {
  readonly feed: Feed;
  /** Registers a callback for news. */
  subscribe(callback: () => void): void;
}

export function App({ feed, subscribe }: AppProps) {
  useNews(subscribe);
  const { route, table, change, hrefOf } = useAddress();
  const { text, choice, order, timeline } = table;
  const hrefOfTable = hrefOf({ kind: "locks" });
  const [target, setTarget] = useState<BreakTarget>();
  const filter = useRef<HTMLInputElement>(null);
  const panel = useRef<HTMLElement>(null);
  usePanelFocus(panel, route);
  useShortcuts(filter, route, hrefOfTable);

  const { data, state } = feed;
  const { latest } = data;
  // The map is one object for ever: its version tells of changes.
  const locks = useMemo(() => [...data.locks.values()], [data.version]);
  const matching = useMemo(() => locks.filter((lock) => matches(lock, text)), [locks, text]);
  const rows = useMemo(
    () =>
      ordered(
        matching.filter((lock) => isChosen(lock, choice)),
        order,
      ),
    [matching, choice, order],
  );
  useEffect(() => {
    if (latest) document.title = `Locks in ${placeLabel(latest)}`;
  }, [latest?.account, latest?.container]);
  const losses = useMemo(() => [...data.losses.values()].toSorted((a, b) => b.at - a.at), [data.version]);
  if (!latest) {
    return (
      <main class="alone">
        <h1>Locks</h1>
        {state === "starting" ? <p class="muted">Loading…</p> : <Notice state={state} problem={undefined} now={0} />}
      </main>
    );
  }
  const now = data.now();
  const place = placeLabel(latest);
  const { container, isContainerMissing = false, startedAt, gaps, mayBreak, lookedAt, vanished } = latest;
  const seenUntil = data.seenUntil(state === "live" && !latest.problem);
  const watched = { now, seenUntil, startedAt, gaps };
  const chosen = route.kind === "key" ? route.key : undefined;
  return (
    <div class="page">
      <header>
        <h1>
          <span class="muted">Locks in</span> {place}
        </h1>
        <Liveness isFresh={seenUntil >= now} lookedAt={lookedAt} now={now} />
        <a class={`losses ${losses.length > 0 ? "some" : ""}`} href={hrefOf({ kind: "losses" })}>
          {counted(losses.length, "loss", "losses")}
        </a>
        <ThemeSwitch />
      </header>
      <Notice state={state} problem={latest.problem} now={now} />
      {vanished ? (
        <VanishedAlarm
          vanished={vanished}
          place={place}
          isContainerMissing={isContainerMissing}
          lossesHref={hrefOf({ kind: "losses" })}
          now={now}
        />
      ) : null}
      <Toolbar locks={matching} table={table} onChange={change} now={now} startedAt={startedAt} filter={filter} />
      <div class={`body ${route.kind === "locks" ? "" : "with-panel"}`}>
        <main>
          {locks.length === 0 && lookedAt !== undefined && !vanished ? (
            <NoLocks place={place} container={container} isContainerMissing={isContainerMissing} />
          ) : null}
          {locks.length === 0 && vanished ? (
            <p class="empty">
              No locks are left in {place}
              {isContainerMissing ? ": the container does not exist" : ""}.
            </p>
          ) : null}
          {locks.length > 0 ? (
            <LockTable
              locks={rows}
              order={order}
              onOrder={(wanted) => change({ order: wanted }, "step")}
              chosen={chosen}
              watched={watched}
              shown={windowOf(timeline, now, startedAt)}
              onWindow={(wanted) => change({ timeline: timelineViewOf(wanted, data.now()) }, "stream")}
              holdsOf={(key) => data.holdsOf(key)}
              hrefOf={(key) => hrefOf({ kind: "key", key })}
            />
          ) : null}
          {locks.length > 0 && rows.length === 0 ? (
            <p class="empty">
              No lock matches.{" "}
              <button type="button" onClick={() => change({ text: "", choice: "all" }, "step")}>
                Clear filter
              </button>
            </p>
          ) : null}
          <p class="unseen" role="status">
            {rows.length === locks.length
              ? counted(locks.length, "lock", "locks")
              : `${rows.length} of ${counted(locks.length, "lock", "locks")}`}
          </p>
        </main>
        {route.kind === "locks" ? null : (
          <aside ref={panel} aria-labelledby="panel-title">
            <div class="panel-head">
              <h2 id="panel-title" tabIndex={-1}>
                {route.kind === "key" ? printable(route.key) : "Recent losses"}
              </h2>
              <a class="close" href={hrefOfTable} title="Close (Escape)">
                <span aria-hidden="true">×</span>
                <span class="unseen">Close</span>
              </a>
            </div>
            {route.kind === "losses" ? (
              <LossesPanel losses={losses} now={now} hrefOf={(key) => hrefOf({ kind: "key", key })} />
            ) : null}
            {route.kind === "key" && lookedAt !== undefined ? (
              <KeyPanel
                name={route.key}
                lock={data.locks.get(route.key)}
                holds={data.holdsOf(route.key)}
                losses={losses.filter(({ key }) => key === route.key)}
                watched={watched}
                place={place}
                container={container}
                mayBreak={mayBreak}
                onBreak={setTarget}
              />
            ) : null}
          </aside>
        )}
      </div>
      {target ? (
        <BreakDialog
          target={target}
          place={place}
          watched={watched}
          onClose={() => setTarget(undefined)}
          onBroken={() => feed.askNow()}
        />
      ) : null}
    </div>
  );
}

interface LivenessProps {
  readonly isFresh: boolean;
  readonly lookedAt: number | undefined;
  readonly now: number;
}

function Liveness({ isFresh, lookedAt, now }: LivenessProps) {
  return (
    <span class={`liveness ${isFresh ? "fresh" : "stale"}`}>
      <span class="dot" aria-hidden="true" />
      {isFresh ? "live" : "not live"}
      {lookedAt === undefined ? null : <span class="muted ticking">, updated {duration(now - lookedAt)} ago</span>}
    </span>
  );
}

const THEMES: readonly Theme[] = ["auto", "light", "dark"];

function ThemeSwitch() {
  const [theme, setTheme] = useState(keptTheme);
  return (
    <select
      class="theme"
      aria-label="Colours"
      value={theme}
      onChange={({ currentTarget }) => {
        const chosen = THEMES.find((name) => name === currentTarget.value) ?? "auto";
        apply(chosen);
        setTheme(chosen);
      }}
    >
      {THEMES.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** Draws anew for news, and every second, since the page shows times that go on. */
function useNews(subscribe: AppProps["subscribe"]): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const again = (): void => draw((count) => count + 1);
    subscribe(again);
    return startInterval(REDRAW_EVERY_MS, () => {
      if (!document.hidden) again();
    });
  }, [subscribe]);
}

/** Moves the focus into the panel when it opens, and back to its link when it closes. */
function usePanelFocus(panel: { readonly current: HTMLElement | null }, route: Route): void {
  const before = useRef<Route | undefined>(undefined);
  const shown = JSON.stringify(route);
  // A route is a new object at each drawing: its text tells whether it changed.
  useEffect(() => {
    const left = before.current;
    before.current = route;
    if (!left) return;
    if (route.kind !== "locks") panel.current?.querySelector<HTMLElement>("#panel-title")?.focus();
    else if (left.kind === "key") linkOf(document, left.key)?.focus();
    else document.querySelector<HTMLElement>("a.losses")?.focus();
  }, [shown]);
}

/** `/` filters, Escape closes the panel. */
function useShortcuts(filter: { readonly current: HTMLInputElement | null }, route: Route, hrefOfTable: string): void {
  const isOpen = route.kind !== "locks";
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const isTyping = (event.target as Element).matches("input, select, textarea");
      if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/" && !isTyping) {
        event.preventDefault();
        filter.current?.focus();
      }
      if (event.key === "Escape" && isOpen && !isTyping) location.hash = hrefOfTable;
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [filter, isOpen, hrefOfTable]);
}
