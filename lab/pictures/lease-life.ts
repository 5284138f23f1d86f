import { STYLE } from "../shared/svg/style.ts";
import { element, line, picture, text } from "../shared/svg/svg.ts";

/** The default options, in seconds. */
const LEASE = 30;
const MARGIN = 5;
const RENEW_EVERY = 10;

const WIDTH = 900;
const LEFT = 90;
const SECONDS = 66;
const SCALE = (WIDTH - LEFT - 30) / SECONDS;
const at = (second: number): number => LEFT + second * SCALE;

const HOLDER = 92;
const SERVICE = 178;
const BAR = 30;
const AXIS = 252;
const HEIGHT = 330;

/** The renewals that are answered, and those that are not. */
const ANSWERED = [RENEW_EVERY, 2 * RENEW_EVERY];
const UNANSWERED = [3 * RENEW_EVERY, 34, 38, 42];
const LAST = 2 * RENEW_EVERY;
/** The deadline counts from before the last renewal that was answered. */
const LOST = LAST + LEASE - MARGIN;
const FREE = LAST + LEASE;

const OWN_STYLE = `
  .held { fill: #2da44e; fill-opacity: .45; } .margin { fill: #bf8700; fill-opacity: .45; }
  .leased { fill: #0969da; fill-opacity: .3; } .other { fill: #8250df; fill-opacity: .4; }
  .sent { stroke: #1a7f37; stroke-width: 1.6; }
  .unanswered { stroke: #cf222e; stroke-width: 1.6; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    .held { fill: #3fb950; } .margin { fill: #d29922; } .leased { fill: #58a6ff; } .other { fill: #bc8cff; }
    .sent { stroke: #56d364; } .unanswered { stroke: #ff7b72; }
  }
`;

const DESCRIPTION =
  `The holder acquires the lease at 0 s and renews it at ${ANSWERED.join(" and ")} s. From then on no request is ` +
  `answered. The holder's deadline is ${LEASE} s less the margin of ${MARGIN} s after the last renewal that was ` +
  `answered was sent: at ${LOST} s its lock is lost, the signal aborts, and its work stops. The lease ends at the ` +
  `service at ${FREE} s, and another process acquires it.`;

/** The life of a lease with the default options: acquired, renewed, and lost in time when the network fails. */
export function leaseLife(): string {
  const bar = (from: number, to: number, y: number, kind: string): string =>
    element("rect", { x: at(from), y, width: (to - from) * SCALE, height: BAR, class: kind });
  return picture(
    {
      width: WIDTH,
      height: HEIGHT,
      title: "The life of a lease: renewed, cut off, lost in time",
      description: DESCRIPTION,
    },
    element("style", {}, STYLE + OWN_STYLE),
    element("rect", { width: WIDTH, height: HEIGHT, class: "paper" }),
    text(16, 30, "heading", `A lease of ${LEASE} s, renewed every ${RENEW_EVERY} s, with a margin of ${MARGIN} s`),
    text(LEFT - 12, HOLDER + 20, "name", "holder", "end"),
    text(LEFT - 12, SERVICE + 20, "name", "service", "end"),
    bar(0, LOST, HOLDER, "held"),
    text(at(1), HOLDER + 20, "small", "holds the lock"),
    bar(LOST, FREE, HOLDER, "margin"),
    text(at((LOST + FREE) / 2), HOLDER + 20, "small", "margin", "middle"),
    bar(0, FREE, SERVICE, "leased"),
    text(at(1), SERVICE + 20, "small", "the lease is the holder's"),
    bar(FREE, SECONDS, SERVICE, "other"),
    text(at(FREE) + 6, SERVICE + 20, "small", "another process holds it"),
    ...[0, ...ANSWERED].map((second) => line(at(second), HOLDER + BAR, at(second), SERVICE, "sent")),
    ...UNANSWERED.map((second) => line(at(second), HOLDER + BAR, at(second), SERVICE - 18, "unanswered")),
    text(at(0), HOLDER - 10, "small", "acquire"),
    ...ANSWERED.map((second) => text(at(second), HOLDER - 10, "small", "renew", "middle")),
    text(at(36), HOLDER - 10, "small bad", "no answer", "middle"),
    line(at(LOST), HOLDER - 26, at(LOST), AXIS, "killLine"),
    text(at(LOST) + 6, HOLDER - 16, "small kill", "lost: signal aborts, work stops"),
    line(at(FREE), HOLDER + BAR, at(FREE), AXIS, "heirLine"),
    text(at(FREE) + 6, HOLDER + BAR + 22, "small heir", "the lease ends"),
    line(LEFT, AXIS, WIDTH - 30, AXIS, "axis"),
    ...Array.from({ length: 7 }, (_, n) => text(at(n * 10), AXIS + 18, "small quiet", `${n * 10} s`, "middle")),
    text(
      LEFT,
      AXIS + 48,
      "small quiet",
      `deadline: last answered renewal, counted from before it was sent, + ${LEASE} s − ${MARGIN} s`,
    ),
  );
}
