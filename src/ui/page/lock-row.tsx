import type { Hold, LockView } from "../snapshot.ts";
import { hashOf } from "./route.ts";
import { StateBadge } from "./state-badge.tsx";
import { HoldStrip, type Unwatched } from "./timeline.tsx";
import type { TimeWindow } from "./timeline-window.ts";
import { heldFor, holderOf, purposeOf, sinceOf, waitersOf } from "./words.ts";

interface LockRowProps {
  readonly lock: LockView;
  readonly index: number;
  readonly isChosen: boolean;
  readonly isTabStop: boolean;
  readonly now: number;
  readonly timeline:
    | { readonly holds: readonly Hold[]; readonly shown: TimeWindow; readonly width: number; readonly unwatched: Unwatched }
    | undefined;
}

export function LockRow({ lock, index, isChosen, isTabStop, now, timeline }: LockRowProps) {
  const { key, holder, highestToken } = lock;
  const since = sinceOf(lock);
  const name = holderOf(lock);
  const waiting = waitersOf(lock);
  return (
    <tr class={isChosen ? "chosen" : ""} aria-rowindex={index + 2} data-index={index} data-key={key}>
      <td class="cell-state">
        <StateBadge lock={lock} />
      </td>
      <th scope="row" class="cell-key">
        <a href={hashOf(key)} tabIndex={isTabStop ? 0 : -1} title={key} aria-current={isChosen ? "true" : undefined}>
          {key}
        </a>
      </th>
      <td class={`cell-holder ${holder || name === "" ? "" : "muted"}`} title={name}>
        {name}
      </td>
      <td class="cell-since">{since ? heldFor(since, now) : ""}</td>
      <td class="cell-waiting">{waiting > 0 ? waiting : ""}</td>
      <td class="cell-purpose" title={purposeOf(lock)}>
        {purposeOf(lock)}
      </td>
      <td class="cell-token">{highestToken ?? ""}</td>
      <td class="cell-timeline">{timeline ? <HoldStrip lock={lock} now={now} {...timeline} /> : null}</td>
    </tr>
  );
}
