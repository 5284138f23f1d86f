import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { BreakDialog } from "./break-dialog.tsx";
import type { Feed } from "./feed.ts";
import { type BreakTarget, KeyPanel } from "./key-panel.tsx";
import { LockTable, linkOf } from "./lock-table.tsx";
import { LossesPanel } from "./losses-panel.tsx";
import { NoLocks, Notice } from "./notice.tsx";
import { type Choice, isChosen, matches, type Order, ordered } from "./order.ts";
import { type Route, routeOf } from "./route.ts";
import { apply, keptTheme, type Theme } from "./theme.ts";
import { every } from "./time.ts";
import { FOLLOWING, type TimelineView, viewOf, windowOf } from "./timeline-window.ts";
import { Toolbar } from "./toolbar.tsx";
import { counted, duration, placeOf } from "./words.ts";

const SECOND_MS = 1_000;

interface AppProps {
  readonly feed: Feed;
  /** Calls back whenever there is news. */
  subscribe(callback: () => void): void;
}

export function App({ feed, subscribe }: AppProps) {
  useNews(subscribe);
  const route = useRoute();
  const [text, setText] = useState("");
  const [choice, setChoice] = useState<Choice>("all");
  const [order, setOrder] = useState<Order>({ column: "key", isDescending: false });
  const [view, setView] = useState<TimelineView>(FOLLOWING);
  const [target, setTarget] = useState<BreakTarget>();
  const filter = useRef<HTMLInputElement>(null);
  const panel = useRef<HTMLElement>(null);
  usePanelFocus(panel, route);
  useShortcuts(filter, route);

  const { known, state } = feed;
  const { latest } = known;
  // The map is the same one whatever is in it: its version tells.
  const locks = useMemo(() => [...known.locks.values()], [known.version]);
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
    if (latest) document.title = `Locks in ${placeOf(latest)}`;
  }, [latest?.account, latest?.container]);
  const losses = useMemo(() => [...known.losses.values()].toSorted((a, b) => b.at - a.at), [known.version]);
  if (!latest) {
    return (
      <main class="alone">
        <h1>Locks</h1>
        {state === "starting" ? <p class="muted">Looking…</p> : <Notice state={state} trouble={undefined} now={0} />}
      </main>
    );
  }
  const now = known.now();
  const place = placeOf(latest);
  const { container, startedAt, gaps, mayBreak, lookedAt } = latest;
  const chosen = route.kind === "key" ? route.key : undefined;
  return (
    <div class="page">
      <header>
        <h1>
          <span class="muted">Locks in</span> {place}
        </h1>
        <Liveness isFresh={state === "live" && !latest.trouble} lookedAt={lookedAt} now={now} />
        <a class={`losses ${losses.length > 0 ? "some" : ""}`} href="#/losses">
          {counted(losses.length, "loss", "losses")}
        </a>
        <ThemeSwitch />
      </header>
      <Notice state={state} trouble={latest.trouble} now={now} />
      <Toolbar
        locks={matching}
        text={text}
        onText={setText}
        choice={choice}
        onChoice={setChoice}
        view={view}
        onView={setView}
        now={now}
        startedAt={startedAt}
        filter={filter}
      />
      <div class={`body ${route.kind === "locks" ? "" : "with-panel"}`}>
        <main>
          {locks.length === 0 && lookedAt !== undefined ? <NoLocks place={place} container={container} /> : null}
          {locks.length > 0 ? (
            <LockTable
              locks={rows}
              order={order}
              onOrder={setOrder}
              chosen={chosen}
              now={now}
              shown={windowOf(view, now, startedAt)}
              onWindow={(wanted) => setView(viewOf(wanted, known.now()))}
              unwatched={{ startedAt, gaps }}
              holdsOf={(key) => known.holdsOf(key)}
            />
          ) : null}
          {locks.length > 0 && rows.length === 0 ? (
            <p class="empty">None of {counted(locks.length, "lock", "locks")} is like that.</p>
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
                {route.kind === "key" ? route.key : "Recent losses"}
              </h2>
              <a class="close" href="#/" title="Close (Escape)">
                <span aria-hidden="true">×</span>
                <span class="unseen">Close</span>
              </a>
            </div>
            {route.kind === "losses" ? <LossesPanel losses={losses} now={now} /> : null}
            {route.kind === "key" && lookedAt !== undefined ? (
              <KeyPanel
                name={route.key}
                lock={known.locks.get(route.key)}
                holds={known.holdsOf(route.key)}
                losses={losses.filter(({ key }) => key === route.key)}
                now={now}
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
        <BreakDialog target={target} place={place} now={now} onClose={() => setTarget(undefined)} onBroken={() => feed.askNow()} />
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
      {lookedAt === undefined ? null : <span class="muted ticking">, looked {duration(now - lookedAt)} ago</span>}
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

/** Draws anew when there is news, and every second: times go on. */
function useNews(subscribe: AppProps["subscribe"]): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const again = (): void => draw((count) => count + 1);
    subscribe(again);
    return every(SECOND_MS, () => {
      if (!document.hidden) again();
    });
  }, [subscribe]);
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const onChange = (): void => setRoute(routeOf(location.hash));
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return route;
}

/** Whoever opens the panel is led into it, and back to where it came from. */
function usePanelFocus(panel: { readonly current: HTMLElement | null }, route: Route): void {
  const before = useRef<Route | undefined>(undefined);
  const shown = JSON.stringify(route);
  // A route is another object each time, and the same one as long as its text is.
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
function useShortcuts(filter: { readonly current: HTMLInputElement | null }, route: Route): void {
  const isOpen = route.kind !== "locks";
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const isTyping = (event.target as Element).matches("input, select, textarea");
      if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/" && !isTyping) {
        event.preventDefault();
        filter.current?.focus();
      }
      if (event.key === "Escape" && isOpen && !isTyping) location.hash = "#/";
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [filter, isOpen]);
}
