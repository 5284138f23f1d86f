import { printable } from "../../status/printable.ts";
import type { HoldView, LockView } from "../snapshot.ts";
import { heldFor, heldForCell, heldForText } from "./held-for.ts";
import type { WatchedTime } from "./hold-spans.ts";
import { HoldStrip } from "./hold-strip.tsx";
import { holderLabel, purposeLabel, sinceOf, waiterCount } from "./labels.ts";
import { Purpose } from "./purpose.tsx";
import { StateBadge } from "./state-badge.tsx";
import type { TimeWindow } from "./timeline-window.ts";

interface LockRowProps {
  readonly lock: LockView;
  readonly index: number;
  readonly href: string;
  readonly isChosen: boolean;
  readonly isTabStop: boolean;
  readonly watched: WatchedTime;
  readonly timeline:
    | { readonly holds: readonly HoldView[]; readonly shown: TimeWindow; readonly width: number }
    | undefined;
}

export function LockRow({ lock, index, href, isChosen, isTabStop, watched, timeline }: LockRowProps) {
  const { key, holder, highestToken } = lock;
  const since = sinceOf(lock);
  const held = since && heldFor(since, watched.seenUntil);
  const name = printable(holderLabel(lock));
  const waiting = waiterCount(lock);
  const purpose = purposeLabel(lock);
  return (
    <tr class={isChosen ? "chosen" : ""} aria-rowindex={index + 2} data-index={index} data-key={key}>
      <td class="cell-state">
        <StateBadge lock={lock} now={watched.now} />
      </td>
      <th scope="row" class="cell-key">
        <a
          href={href}
          tabIndex={isTabStop ? 0 : -1}
          title={printable(key)}
          aria-current={isChosen ? "true" : undefined}
        >
          {printable(key)}
        </a>
      </th>
      <td class={`cell-holder ${holder || name === "" ? "" : "muted"}`} title={name}>
        {name}
      </td>
      <td class="cell-since" title={held ? heldForText(held) : ""}>
        {held ? heldForCell(held) : ""}
      </td>
      <td class="cell-waiting">
        {waiting > 0 ? waiting : ""}
        {waiting > 0 ? <span class="unit"> waiting</span> : null}
      </td>
      <td class="cell-purpose" title={printable(purpose)}>
        <Purpose text={purpose} tabIndex={-1} />
      </td>
      <td class="cell-token">{highestToken ?? ""}</td>
      <td class="cell-timeline">{timeline ? <HoldStrip lock={lock} watched={watched} {...timeline} /> : null}</td>
    </tr>
  );
}
