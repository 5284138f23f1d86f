import type { LockView } from "../snapshot.ts";
import { duration, stateLabel } from "./labels.ts";

interface StateBadgeProps {
  readonly lock: LockView;
  readonly now: number;
}

/** A label, with a shape and a colour beside it. A breaking lease counts down. */
export function StateBadge({ lock, now }: StateBadgeProps) {
  const leftMs = lock.breaking ? lock.breaking.freeBy - now : 0;
  return (
    <span class={`state state-${lock.mixedUse === undefined ? lock.state : "mixed"}`}>
      <svg viewBox="0 0 12 12" width={12} height={12} aria-hidden="true">
        <Shape state={lock.mixedUse === undefined ? lock.state : "breaking"} />
      </svg>
      {stateLabel(lock)}
      {leftMs > 0 ? <span class="ticking">{duration(leftMs, Math.ceil)}</span> : null}
    </span>
  );
}

function Shape({ state }: Pick<LockView, "state">) {
  switch (state) {
    case "held":
      return <circle cx={6} cy={6} r={4.5} class="filled" />;
    case "inUse":
      return (
        <>
          <circle cx={6} cy={6} r={4} class="drawn" />
          <path d="M6 2a4 4 0 0 1 0 8z" class="filled" />
        </>
      );
    case "free":
      return <circle cx={6} cy={6} r={4} class="drawn" />;
    case "breaking":
      return <path d="M6 1 11.2 10.5H.8z" class="filled" />;
    case "expired":
    case "broken":
      return <path d="M2 2l8 8M10 2l-8 8" class="drawn" />;
  }
}
