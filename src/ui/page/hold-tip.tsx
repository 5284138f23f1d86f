import { useEffect, useState } from "preact/hooks";
import { holderName } from "../../status/holder-name.ts";
import { printable } from "../../status/printable.ts";
import type { HoldView, LockView } from "../snapshot.ts";
import { heldFor, heldForText } from "./held-for.ts";
import { heldCountAt, heldCountsOf, type WatchedTime } from "./hold-spans.ts";
import { wholeOf } from "./hold-strip.tsx";
import { clockTime, counted, endLabel, partLabel } from "./labels.ts";
import { Period } from "./moment.tsx";
import type { TimeWindow } from "./timeline-window.ts";

/** The place of the pointer on a timeline. */
export interface TipPlace {
  readonly key: string;
  /** The hold under it. Undefined on an area of counts. */
  readonly id: number | undefined;
  /** How far along the timeline, from 0 to 1. */
  readonly along: number;
  readonly x: number;
  readonly y: number;
}

interface TipProps {
  readonly place: TipPlace;
  readonly lock: LockView | undefined;
  readonly holds: readonly HoldView[];
  readonly shown: TimeWindow;
  readonly watched: WatchedTime;
}

/** The facts of the hold under the pointer. The panel of the key has the same. */
export function Tip({ place: { id, along, x, y }, lock, holds, shown, watched }: TipProps) {
  const hold = holds.find((one) => one.id === id);
  if (!lock || (id !== undefined && !hold)) return null;
  const isLeft = x > innerWidth - 300;
  return (
    <div
      class="tip"
      aria-hidden="true"
      style={{ left: `${isLeft ? x - 280 : x + 14}px`, top: `${Math.min(y + 16, innerHeight - 120)}px` }}
    >
      {hold ? (
        <HoldFacts hold={hold} watched={watched} />
      ) : (
        <AreaFacts lock={lock} holds={holds} at={shown.from + along * (shown.to - shown.from)} watched={watched} />
      )}
    </div>
  );
}

function HoldFacts({ hold, watched }: { readonly hold: HoldView; readonly watched: WatchedTime }) {
  const { part, purpose, holder } = hold;
  return (
    <>
      <strong>{holderName(holder)}</strong>
      {part.kind === "lock" ? null : <span> · {partLabel(part)}</span>}
      {purpose === undefined ? null : <div>{printable(purpose)}</div>}
      <div>
        <Period hold={hold} watched={watched} />, {heldForText(heldFor(hold, watched.seenUntil))}
      </div>
      <div class="muted">{endLabel(hold)}</div>
    </>
  );
}

interface AreaFactsProps {
  readonly lock: LockView;
  readonly holds: readonly HoldView[];
  readonly at: number;
  readonly watched: WatchedTime;
}

function AreaFacts({ lock, holds, at, watched }: AreaFactsProps) {
  const counts = heldCountsOf(holds, watched);
  const { least, most } = heldCountAt(counts, at);
  const count = least === most ? String(least) : `${least} to ${most}`;
  return (
    <>
      <strong>
        {lock.readers.length > 0
          ? counted(most, "holder", "holders")
          : `${count} of ${wholeOf(lock, counts)} permits held`}
      </strong>
      <div class="muted">at {clockTime(at, watched.now)}</div>
    </>
  );
}

/** The place of the pointer, if it is on the timeline of a row. */
export function useTip(scroller: { readonly current: HTMLElement | null }): TipPlace | undefined {
  const [tip, setTip] = useState<TipPlace>();
  useEffect(() => {
    const onMove = ({ target, clientX: x, clientY: y }: PointerEvent): void => {
      const element = target as Element;
      const key = element.closest<HTMLElement>("tr[data-key]")?.dataset.key;
      const hold = element.closest<SVGElement>("[data-hold]")?.dataset.hold;
      if (key === undefined || (hold === undefined && !element.closest("[data-area]"))) {
        setTip(undefined);
        return;
      }
      const { left = 0, width = 1 } = element.closest("svg")?.getBoundingClientRect() ?? {};
      setTip({ key, id: hold === undefined ? undefined : Number(hold), along: (x - left) / width, x, y });
    };
    const onLeave = (): void => setTip(undefined);
    const element = scroller.current;
    element?.addEventListener("pointermove", onMove);
    element?.addEventListener("pointerleave", onLeave);
    element?.addEventListener("scroll", onLeave, { passive: true });
    return () => {
      element?.removeEventListener("pointermove", onMove);
      element?.removeEventListener("pointerleave", onLeave);
      element?.removeEventListener("scroll", onLeave);
    };
  }, [scroller]);
  return tip;
}
