import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { HoldView, LockView } from "../snapshot.ts";
import type { WatchedTime } from "./hold-spans.ts";
import { Tip, useTip } from "./hold-tip.tsx";
import { Legend, Patterns } from "./legend.tsx";
import { LockRow } from "./lock-row.tsx";
import { type Column, firstOrder, type Order } from "./order.ts";
import { TimeAxis, windowText } from "./time-axis.tsx";
import type { TimeWindow } from "./timeline-window.ts";

const COLUMN_LABELS: readonly (readonly [Column, string])[] = [
  ["state", "State"],
  ["key", "Key"],
  ["holder", "Holder"],
  ["since", "Held for"],
  ["waiting", "Waiting"],
  ["purpose", "Purpose"],
  ["token", "Token"],
];
const ROW_PX = 34;
/** The height of a row of three lines, where there is no room for columns. */
const NARROW_ROW_PX = 74;
const NARROW = "(max-width: 640px)";
/** Rows that are drawn beyond the visible ones, so that quick scrolling shows no gap. */
const OVERSCAN_ROWS = 8;

export interface LockTableProps {
  readonly locks: readonly LockView[];
  readonly order: Order;
  onOrder(order: Order): void;
  readonly chosen: string | undefined;
  readonly watched: WatchedTime;
  readonly shown: TimeWindow;
  onWindow(wanted: TimeWindow): void;
  holdsOf(key: string): readonly HoldView[];
  /** Leads to the panel of a key. */
  hrefOf(key: string): string;
}

/** The table of all locks. Only visible rows are in the document. */
export function LockTable({
  locks,
  order,
  onOrder,
  chosen,
  watched,
  shown,
  onWindow,
  holdsOf,
  hrefOf,
}: LockTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const timelineHead = useRef<HTMLTableCellElement>(null);
  const { top, height, timelineWidth, rowPx } = useMeasures(scroller, timelineHead);
  const { active, onKeyDown } = useActiveRow(scroller, locks, rowPx);
  const tip = useTip(scroller);
  useRowClicks(scroller);
  useChosenInView(scroller, locks, chosen, rowPx);

  const first = Math.max(0, Math.min(Math.floor(top / rowPx), locks.length - 1) - OVERSCAN_ROWS);
  const last = Math.min(locks.length, Math.ceil((top + height) / rowPx) + OVERSCAN_ROWS);
  const rows = locks.slice(first, last);
  const isActiveHere = rows.some(({ key }) => key === active);
  return (
    <>
      <div class="scroller" ref={scroller}>
        <Patterns />
        <table aria-rowcount={locks.length + 1} aria-label="Locks" onKeyDown={onKeyDown}>
          <colgroup>
            {COLUMN_LABELS.map(([column]) => (
              <col key={column} class={`col-${column}`} />
            ))}
            <col class="col-timeline" />
          </colgroup>
          <thead>
            <tr aria-rowindex={1}>
              {COLUMN_LABELS.map(([column, label]) => (
                <th key={column} scope="col" class={`cell-${column}`} aria-sort={sortOf(order, column)}>
                  <button type="button" onClick={() => onOrder(nextOrder(order, column))}>
                    {label}
                    <span class="arrow" aria-hidden="true">
                      {order.column === column ? (order.isDescending ? "↓" : "↑") : ""}
                    </span>
                  </button>
                </th>
              ))}
              <th scope="col" class="cell-timeline" ref={timelineHead}>
                <span class="unseen">Who held it, {windowText(shown, watched.now)}</span>
                {timelineWidth > 0 ? <TimeAxis shown={shown} width={timelineWidth} onWindow={onWindow} /> : null}
              </th>
            </tr>
          </thead>
          <tbody>
            <Spacer px={first * rowPx} />
            {rows.map((lock, index) => (
              <LockRow
                key={lock.key}
                lock={lock}
                index={first + index}
                href={hrefOf(lock.key)}
                isChosen={lock.key === chosen}
                isTabStop={lock.key === active || (!isActiveHere && index === 0)}
                watched={watched}
                timeline={timelineWidth > 0 ? { holds: holdsOf(lock.key), shown, width: timelineWidth } : undefined}
              />
            ))}
            <Spacer px={(locks.length - last) * rowPx} />
          </tbody>
        </table>
        {tip ? (
          <Tip
            place={tip}
            lock={locks.find(({ key }) => key === tip.key)}
            holds={holdsOf(tip.key)}
            shown={shown}
            watched={watched}
          />
        ) : null}
      </div>
      {timelineWidth > 0 ? <Legend /> : null}
    </>
  );
}

/** A row of one cell. A cell that spans the columns would show columns that are hidden on narrow pages. */
function Spacer({ px }: { readonly px: number }) {
  if (px <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row cannot be focused, and this one says nothing
    <tr class="spacer" aria-hidden="true">
      <td style={{ height: `${px}px` }} />
    </tr>
  );
}

function sortOf(order: Order, column: Column): "ascending" | "descending" | "none" {
  if (order.column !== column) return "none";
  return order.isDescending ? "descending" : "ascending";
}

function nextOrder(order: Order, column: Column): Order {
  return order.column === column ? { column, isDescending: !order.isDescending } : firstOrder(column);
}

type ElementRef<T> = { readonly current: T | null };

interface Measures {
  readonly top: number;
  readonly height: number;
  readonly timelineWidth: number;
  readonly rowPx: number;
}

function useMeasures(scroller: ElementRef<HTMLElement>, timelineHead: ElementRef<HTMLElement>): Measures {
  const [measures, setMeasures] = useState<Measures>({ top: 0, height: 0, timelineWidth: 0, rowPx: ROW_PX });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const narrow = matchMedia(NARROW);
    const measure = (): void => {
      const timelineWidth = Math.max(0, (timelineHead.current?.clientWidth ?? 0) - 12);
      const { scrollTop: top, clientHeight: height } = element;
      setMeasures({ top, height, timelineWidth, rowPx: narrow.matches ? NARROW_ROW_PX : ROW_PX });
    };
    measure();
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    if (timelineHead.current) sizes.observe(timelineHead.current);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [scroller, timelineHead]);
  return measures;
}

const STEPS: Readonly<Record<string, (index: number, page: number, last: number) => number>> = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index) => index - 1,
  PageDown: (index, page) => index + page,
  PageUp: (index, page) => index - page,
  Home: () => 0,
  End: (_index, _page, last) => last,
};

/** The one row that the Tab key reaches. Arrow keys move to the others. */
function useActiveRow(scroller: ElementRef<HTMLElement>, locks: readonly LockView[], rowPx: number) {
  const [active, setActive] = useState<string>();
  const wanted = useRef<string | undefined>(undefined);
  // The row may have been added to the document by this drawing.
  useLayoutEffect(() => {
    if (wanted.current === undefined) return;
    const link = linkOf(scroller.current, wanted.current);
    if (!link) return;
    wanted.current = undefined;
    link.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    const row = (event.target as Element).closest<HTMLElement>("tr[data-index]");
    const element = scroller.current;
    if (!step || !row || !element || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const page = Math.max(1, Math.floor(element.clientHeight / rowPx) - 2);
    const index = Math.min(Math.max(0, step(Number(row.dataset.index), page, locks.length - 1)), locks.length - 1);
    const key = locks[index]?.key;
    if (key === undefined) return;
    wanted.current = key;
    setActive(key);
    bringIntoView(element, index, rowPx);
  };
  return { active, onKeyDown };
}

function bringIntoView(element: HTMLElement, index: number, rowPx: number): void {
  const head = element.querySelector("thead")?.clientHeight ?? 0;
  const top = index * rowPx;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + rowPx > element.scrollTop + element.clientHeight - head)
    element.scrollTop = top + rowPx - element.clientHeight + head;
}

export function linkOf(element: ParentNode | null, key: string): HTMLAnchorElement | null {
  return element?.querySelector(`tr[data-key="${CSS.escape(key)}"] a`) ?? null;
}

/** Scrolls to the row of the key in the address. */
function useChosenInView(
  scroller: ElementRef<HTMLElement>,
  locks: readonly LockView[],
  chosen: string | undefined,
  rowPx: number,
): void {
  const isKnown = chosen !== undefined && locks.length > 0;
  // News do not scroll back a user who has scrolled away.
  useEffect(() => {
    const index = locks.findIndex(({ key }) => key === chosen);
    if (scroller.current && index >= 0) bringIntoView(scroller.current, index, rowPx);
  }, [chosen, isKnown]);
}

/** A click anywhere in a row chooses it, as its link does. */
function useRowClicks(scroller: ElementRef<HTMLElement>): void {
  useEffect(() => {
    const onClick = (event: MouseEvent): void => {
      const target = event.target as Element;
      const link = target.closest("tr[data-key]")?.querySelector<HTMLAnchorElement>(".cell-key a");
      if (link && !target.closest("a") && getSelection()?.isCollapsed !== false) location.hash = link.hash;
    };
    const element = scroller.current;
    element?.addEventListener("click", onClick);
    return () => element?.removeEventListener("click", onClick);
  }, [scroller]);
}
