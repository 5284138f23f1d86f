import type { Loss } from "../snapshot.ts";
import { Moment } from "./moment.tsx";
import { hashOf } from "./route.ts";
import { holderName, partName, WHY } from "./words.ts";

/** Who went without giving back what it held, the latest first, and what of that can be told. */
export function LossesPanel({ losses, now }: { readonly losses: readonly Loss[]; readonly now: number }) {
  return (
    <>
      {losses.length === 0 ? <p>Nobody has lost a lock since this page was served, as far as it shows.</p> : null}
      <ul class="history">
        {losses.map(({ id, key, part, holder, purpose, at, why }) => (
          <li key={id}>
            <div class="who">
              <a href={hashOf(key)}>{key}</a>
              {part.kind === "lock" ? null : <span class="muted"> · {partName(part)}</span>} <span class="bad">{WHY[why]}</span>
            </div>
            <div class="muted">
              <Moment at={at} now={now} /> · {holderName(holder)}
              {purpose === undefined ? "" : `, ${purpose}`}
            </div>
          </li>
        ))}
      </ul>
      <h3>What shows, and what does not</h3>
      <p class="muted">
        A lease that ran out and a lease that was broken show until the next holder takes the lock, or the one that lost it is alive and
        releases it after all. If that happens between two looks, a loss and a release look alike. Of permits and read locks only a break
        shows. The holder itself learns of every loss, and logs it.
      </p>
    </>
  );
}
