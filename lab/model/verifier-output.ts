/** What a search of a model came to. */
export interface Search {
  readonly states: number;
  /** The longest way into the model that was taken. */
  readonly depth: number;
  readonly seconds: number;
  readonly megabytes: number;
  /** Whether it ended for want of anything new. */
  readonly exhaustive: boolean;
  readonly found: boolean;
}

/** Reads the report of a verifier that spin made. */
export function searchIn(output: string): Search {
  const number = (pattern: RegExp): number => {
    const text = pattern.exec(output)?.[1];
    if (text === undefined) throw new Error(`the verifier says nothing of ${pattern}:\n${output}`);
    return Number(text);
  };
  const errors = number(/errors: (\d+)/);
  const cutShort = /max search depth too small|reached -DMEMLIM|Search not completed|out of memory/i.test(output);
  return {
    states: number(/^\s*(\d+) states, stored/m),
    depth: number(/depth reached (\d+)/),
    seconds: number(/elapsed time ([\d.e+-]+) seconds/),
    megabytes: number(/([\d.]+)\s+total actual memory usage/),
    exhaustive: errors === 0 && !cutShort,
    found: errors > 0,
  };
}

/** What happened, step by step; and from which step on in a circle, if it is one. */
export interface Timeline {
  readonly steps: readonly string[];
  readonly circleFrom: number | undefined;
  /** What the model says is violated: `exclusion: P1 works under the lock while P2 does`. */
  readonly violated: string | undefined;
}

/** Reads a replay: the lines that the model wrote, and where the circle begins. */
export function timelineIn(replay: string): Timeline {
  const steps: string[] = [];
  let circleFrom: number | undefined;
  let violated: string | undefined;
  for (const line of replay.split("\n")) {
    const said = /^\s*> (.*\S)\s*$/.exec(line)?.[1];
    if (line.includes("START OF CYCLE")) circleFrom = steps.length;
    if (said === undefined) continue;
    // A replay goes on to the end of the step; what came first is what was found.
    if (said.startsWith("VIOLATED ")) violated ??= said.slice("VIOLATED ".length);
    else steps.push(said);
  }
  return { steps, circleFrom, violated };
}

const MOST_STEPS = 5;

/** One line of what goes wrong, and of what led to it. */
export function verdictOf({ steps, circleFrom, violated }: Timeline): string {
  if (violated !== undefined) {
    const told = shortened(steps);
    return `${violated}. ${told.length > MOST_STEPS ? "… " : ""}${told.slice(-MOST_STEPS).join("; ")}`;
  }
  if (circleFrom === undefined) return "no finding";
  const circle = shortened(steps.slice(circleFrom));
  const shown = circle.slice(0, MOST_STEPS).join("; ");
  return `starvation: it goes round. ${shown}${circle.length > MOST_STEPS ? " …" : ""}`;
}

/** The same step several times in a row is told once. */
function shortened(steps: readonly string[]): string[] {
  return steps.filter((step, at) => step !== steps[at - 1]);
}
