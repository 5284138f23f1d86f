import { useRef } from "preact/hooks";
import { clockTime, duration } from "./labels.ts";
import { ticksIn } from "./time-ticks.ts";
import type { TimeWindow } from "./timeline-window.ts";
import { useZoomGesture } from "./zoom-gesture.ts";

const EDGE_PX = 26;

interface AxisProps {
  readonly shown: TimeWindow;
  readonly width: number;
  onWindow(wanted: TimeWindow): void;
}

export function TimeAxis({ shown, width, onWindow }: AxisProps) {
  const ref = useRef<SVGSVGElement>(null);
  useZoomGesture(ref, shown, onWindow);
  return (
    <svg ref={ref} class="axis" width={width} height={22} aria-hidden="true">
      <rect class="axis-surface" width={width} height={22} />
      {ticksIn(shown, width).map(({ at, x, text }) => {
        const anchor = x < EDGE_PX ? "start" : x > width - EDGE_PX ? "end" : "middle";
        return (
          <g key={at} transform={`translate(${x} 0)`}>
            <line y1={17} y2={22} />
            <text y={12} text-anchor={anchor}>
              {text}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** The window as text, for screen readers. */
export function windowText({ from, to }: TimeWindow, now: number): string {
  const long = duration(to - from);
  return to >= now - 1_000 ? `the last ${long}` : `${long} up to ${clockTime(to, now)}`;
}
