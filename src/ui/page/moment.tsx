import type { HoldView, Since } from "../snapshot.ts";
import type { WatchedTime } from "./hold-spans.ts";
import { clockTime, iso } from "./labels.ts";

/** Two looks within this time are shown as the later one. */
const NEAR_MS = 5_000;

/** A time of day. */
export function Moment({ at, now }: { readonly at: number; readonly now: number }) {
  return (
    <time dateTime={iso(at)} title={iso(at)}>
      {clockTime(at, now)}
    </time>
  );
}

interface BetweenProps {
  /** Undefined where neither a look nor a record tells. */
  readonly earliest: number | undefined;
  readonly latest: number;
  readonly now: number;
}

/** A moment between two looks: a range, or one time where they are near. */
export function Between({ earliest, latest, now }: BetweenProps) {
  if (earliest === undefined) {
    return (
      <>
        before <Moment at={latest} now={now} />
      </>
    );
  }
  if (latest - earliest <= NEAR_MS) return <Moment at={latest} now={now} />;
  return (
    <>
      between <Moment at={earliest} now={now} /> and <Moment at={latest} now={now} />
    </>
  );
}

/** When a hold began. */
export function Beginning({ since: { from, earliest }, now }: { readonly since: Since; readonly now: number }) {
  return <Between earliest={earliest} latest={from} now={now} />;
}

/** From when to when a hold lasted. */
export function Period({
  hold,
  watched: { now, seenUntil },
}: {
  readonly hold: HoldView;
  readonly watched: WatchedTime;
}) {
  const { to, lastSeen } = hold;
  return (
    <>
      from <Beginning since={hold} now={now} /> to{" "}
      {to !== undefined ? (
        <Between earliest={lastSeen} latest={to} now={now} />
      ) : seenUntil >= now ? (
        "now"
      ) : (
        <>
          <Moment at={seenUntil} now={now} /> or later
        </>
      )}
    </>
  );
}
