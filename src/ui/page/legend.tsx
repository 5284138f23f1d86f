import type { ComponentChildren } from "preact";
import { HUE_NAMES } from "./hold-strip.tsx";

/** The patterns of unsure spans, one for each colour. Every element of the document can use them. */
export function Patterns() {
  return (
    <svg class="patterns" width={0} height={0} aria-hidden="true">
      <defs>
        {HUE_NAMES.map((hue) => (
          <pattern
            key={hue}
            id={`unsure-${hue}`}
            width={5}
            height={5}
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <rect class={`pattern-ground hue-${hue}`} width={5} height={5} />
            <rect class={`pattern-line hue-${hue}`} width={2} height={5} />
          </pattern>
        ))}
      </defs>
    </svg>
  );
}

/** The legend of the timeline. */
export function Legend() {
  return (
    <ul class="legend" aria-label="Timeline">
      <Sample text="held">
        <rect class="hold hue-0" y={3} width={22} height={8} rx={2} />
      </Sample>
      <Sample text="may have been held: not seen">
        <rect class="unsure hue-0" fill="url(#unsure-0)" y={3} width={22} height={8} />
      </Sample>
      <Sample text="lost">
        <rect class="hold hue-0" y={3} width={20} height={8} rx={2} />
        <rect class="loss-end" x={19} y={1} width={3} height={12} />
      </Sample>
      <Sample text="not watched">
        <rect class="unwatched" x={0.5} y={2.5} width={21} height={9} />
      </Sample>
    </ul>
  );
}

function Sample({ text, children }: { readonly text: string; readonly children: ComponentChildren }) {
  return (
    <li>
      <svg width={22} height={14} aria-hidden="true">
        {children}
      </svg>
      {text}
    </li>
  );
}
