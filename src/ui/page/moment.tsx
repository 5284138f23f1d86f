import { clockTime, iso } from "./words.ts";

/** A time of day. */
export function Moment({ at, now }: { readonly at: number; readonly now: number }) {
  return (
    <time dateTime={iso(at)} title={iso(at)}>
      {clockTime(at, now)}
    </time>
  );
}
