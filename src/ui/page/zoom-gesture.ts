import { type ScaleTime, scaleTime } from "d3-scale";
import { select } from "d3-selection";
import { type D3ZoomEvent, zoom, zoomIdentity } from "d3-zoom";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TimeWindow } from "./timeline-window.ts";

const DOUBLE_CLICK_MS = 200;

/** The wheel, a pinch or a double click on the element zooms the window of time, and dragging moves it. */
export function useZoomGesture(
  ref: RefObject<SVGSVGElement | null>,
  shown: TimeWindow,
  onWindow: (wanted: TimeWindow) => void,
): void {
  const latest = useRef({ shown, onWindow });
  latest.current = { shown, onWindow };
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let base: ScaleTime<number, number> | undefined;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const gesture = zoom<SVGSVGElement, unknown>()
      .duration(isCalm ? 0 : DOUBLE_CLICK_MS)
      .on("start", () => {
        const { from, to } = latest.current.shown;
        base = scaleTime([from, to], [0, element.clientWidth]);
      })
      .on("zoom", ({ transform }: D3ZoomEvent<SVGSVGElement, unknown>) => {
        const [from, to] = base ? transform.rescaleX(base).domain() : [];
        if (from && to) latest.current.onWindow({ from: from.getTime(), to: to.getTime() });
      })
      // The next gesture begins from what is shown then: time has moved on.
      .on("end", () => {
        Object.assign(element, { __zoom: zoomIdentity });
      });
    select(element).call(gesture);
    return () => {
      select(element).on(".zoom", null);
    };
  }, [ref]);
}
