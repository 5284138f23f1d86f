import type { RefObject } from "preact";
import type { LockView } from "../snapshot.ts";
import { type Choice, isChosen } from "./order.ts";
import type { TableSettings } from "./route.ts";
import { FOLLOWING, scaled, type TimelineView } from "./timeline-window.ts";
import type { Address } from "./use-address.ts";

const CHOICES: readonly (readonly [Choice, string])[] = [
  ["all", "All"],
  ["held", "Held"],
  ["waited", "Waited for"],
  ["attention", "Attention"],
  ["free", "Free"],
];

const MINUTE = 60_000;
const SPAN_OPTIONS: readonly (readonly [number, string])[] = [
  [5 * MINUTE, "5 min"],
  [15 * MINUTE, "15 min"],
  [60 * MINUTE, "1 h"],
  [6 * 60 * MINUTE, "6 h"],
  [24 * 60 * MINUTE, "1 d"],
];

interface ToolbarProps {
  readonly locks: readonly LockView[];
  readonly table: TableSettings;
  onChange: Address["change"];
  readonly now: number;
  readonly startedAt: number;
  readonly filter: RefObject<HTMLInputElement | null>;
}

export function Toolbar({ locks, table, onChange, now, startedAt, filter }: ToolbarProps) {
  const { text, choice, timeline: view } = table;
  const onView = (timeline: TimelineView): void => onChange({ timeline }, "step");
  return (
    <div class="toolbar">
      <label class="search">
        <span class="unseen">Filter by key, holder or purpose</span>
        <input
          ref={filter}
          type="search"
          placeholder="Key, holder, purpose"
          title="Filter (press /)"
          value={text}
          onInput={({ currentTarget }) => onChange({ text: currentTarget.value }, "stream")}
        />
      </label>
      <fieldset class="choices">
        <legend class="unseen">Which locks</legend>
        {CHOICES.map(([value, label]) => (
          <label key={value} class={value === choice ? "on" : ""}>
            <input
              type="radio"
              name="choice"
              class="unseen"
              checked={value === choice}
              onChange={() => onChange({ choice: value }, "step")}
            />
            {label}{" "}
            <span class="count">{locks.filter((lock) => isChosen(lock, value)).length.toLocaleString("en")}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="zoom">
        <legend class="unseen">Timeline</legend>
        <button type="button" onClick={() => onView(scaled(view, 2, now, startedAt))}>
          <span aria-hidden="true">−</span>
          <span class="unseen">Show more time</span>
        </button>
        <select
          aria-label="How much time"
          value={view.spanMs === "auto" || SPAN_OPTIONS.some(([ms]) => ms === view.spanMs) ? String(view.spanMs) : ""}
          onChange={({ currentTarget: { value } }) =>
            onView(value === "auto" ? FOLLOWING : { spanMs: Number(value), end: view.end })
          }
        >
          <option value="auto">since start</option>
          {SPAN_OPTIONS.map(([ms, label]) => (
            <option key={ms} value={ms}>
              {label}
            </option>
          ))}
          <option value="" disabled hidden>
            zoomed
          </option>
        </select>
        <button type="button" onClick={() => onView(scaled(view, 1 / 2, now, startedAt))}>
          <span aria-hidden="true">+</span>
          <span class="unseen">Show less time</span>
        </button>
        <button type="button" disabled={view.end === "now"} onClick={() => onView({ ...view, end: "now" })}>
          Now
        </button>
      </fieldset>
    </div>
  );
}
