import { styleText } from "node:util";

export type Colour = "red" | "green" | "yellow" | "cyan" | "magenta" | "blue" | "dim" | "bold";

/** Colours text, or leaves it alone. */
export type Paint = (colour: Colour, text: string) => string;

const plain: Paint = (_, text) => text;

/** Colours for a stream that shows them: a terminal, unless `NO_COLOR` is set. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  return stream.isTTY && stream.hasColors() ? (colour, text) => styleText(colour, text) : plain;
}
