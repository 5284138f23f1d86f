/** A rule of docs/protocol.md. */
export type ProtocolRule = `P${number}`;

/**
 * What the referee looks at after every event, each with the rules of docs/protocol.md that it guards.
 * Those without a rule guard the code: nothing fails without a reason, hangs, or is left behind.
 */
export const INVARIANTS = {
  exclusion: ["P2", "P5", "P8", "P9", "P11", "P12", "P14", "P17", "P21", "P41"],
  tokens: ["P23", "P24", "P25", "P26", "P27", "P28", "P60"],
  "stale write": ["P18", "P25"],
  deadline: ["P8", "P9", "P11", "P12"],
  "refusal is loss": ["P16", "P17"],
  "lost for ever": ["P13"],
  loss: ["P10", "P12", "P15", "P16"],
  signal: ["P10", "P12"],
  "held when given": ["P7"],
  released: ["P6", "P20"],
  "released early": ["P14"],
  "given up is given up": ["P1", "P2", "P5"],
  "If-Match": ["P26"],
  "hand-over": ["P39", "P41", "P45"],
  conditions: ["P31"],
  "done once": ["P50", "P51", "P52", "P53"],
  "begun once": ["P50", "P52"],
  "record order": ["P50", "P51", "P53"],
  due: ["P54"],
  "slot ends": ["P52"],
  liveness: ["P37", "P38", "P42", "P43", "P44", "P55"],
  calm: [],
  stuck: ["P12"],
  standstill: [],
  leak: ["P5", "P6", "P20", "P43", "P44", "P45"],
  unexpected: [],
  "unhandled rejection": [],
} as const satisfies Readonly<Record<string, readonly ProtocolRule[]>>;

export type Invariant = keyof typeof INVARIANTS;
