import { holderName } from "../../status/holder-name.ts";
import { printable } from "../../status/printable.ts";
import type { Loss } from "../snapshot.ts";
import { lossLabel, partLabel } from "./labels.ts";
import { Between } from "./moment.tsx";
import { Purpose } from "./purpose.tsx";

interface LossesPanelProps {
  readonly losses: readonly Loss[];
  readonly now: number;
  /** Leads to the panel of a key. */
  hrefOf(key: string): string;
}

/** The losses of all keys, the latest first, and which losses do not show. */
export function LossesPanel({ losses, now, hrefOf }: LossesPanelProps) {
  return (
    <>
      {losses.length === 0 ? <p>No lock was lost since this page was served, as far as it shows.</p> : null}
      <ul class="history">
        {losses.map((loss) => {
          const { id, key, part, holder, purpose, at, after } = loss;
          return (
            <li key={id}>
              <div class="who">
                <a href={hrefOf(key)}>{printable(key)}</a>
                {part.kind === "lock" ? null : <span class="muted"> · {partLabel(part)}</span>}{" "}
                <span class="bad">{lossLabel(loss)}</span>
              </div>
              <div class="muted">
                <Between earliest={after ?? at} latest={at} now={now} /> · {holderName(holder)}
                {purpose === undefined ? null : (
                  <>
                    , <Purpose text={purpose} />
                  </>
                )}
              </div>
            </li>
          );
        })}
      </ul>
      <h3>What shows, and what does not</h3>
      <p class="muted">
        A lease that ran out and a lease that was broken show until the next holder takes the lock, or the one that lost
        it is alive and releases it after all. If that happens between two looks, a loss and a release look alike. Of
        permits and read locks only a break shows. The holder itself learns of every loss, and logs it.
      </p>
    </>
  );
}
