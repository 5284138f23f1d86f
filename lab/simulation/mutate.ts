import { parseSync } from "oxc-parser";

/** One change of a source: in a named place, one expression or statement is replaced by another. */
export interface Edit {
  /**
   * The room, and in it a class, a member of a class, or what a file declares at its top:
   * `lease/Acquisition.ask`, `lease/MOST_CREATIONS`. Which file of the room has it does not matter.
   */
  readonly place: string;
  /** What stands there, once. Layout, comments and trailing commas do not count. */
  readonly stands: string;
  readonly instead: string;
}

/** The texts of the sources by their path within `src`. */
export type Sources = ReadonlyMap<string, string>;

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Node extends Span {
  readonly type: string;
  readonly declaration?: Node | null;
  readonly declarations?: readonly { readonly id: { readonly name?: string } }[];
  readonly id?: { readonly name?: string } | null;
  readonly key?: { readonly type: string; readonly name?: string };
  readonly body?: { readonly body?: readonly Node[] };
}

/** The sources with one edit made. Throws if its place, or what stands there, is not there exactly once. */
export function edited(sources: Sources, { place, stands, instead }: Edit): Sources {
  const found = placesOf(sources, place);
  const [one] = found;
  if (!one || found.length > 1) throw new Error(`${place} is declared ${found.length} times, not once`);
  const { path, text, span } = one;
  const tokens = tokensIn(text, span);
  const wanted = tokensIn(stands, { start: 0, end: stands.length });
  const starts = tokens.flatMap((_, at) =>
    wanted.every(({ word }, ahead) => tokens[at + ahead]?.word === word) ? [at] : [],
  );
  const [at] = starts;
  if (at === undefined || starts.length > 1)
    throw new Error(`in ${place} (${path}) this stands ${starts.length} times, not once:\n${stands}`);
  const from = tokens[at]?.start ?? 0;
  const to = tokens[at + wanted.length - 1]?.end ?? 0;
  return new Map(sources).set(path, text.slice(0, from) + instead + text.slice(to));
}

function placesOf(sources: Sources, place: string): { path: string; text: string; span: Span }[] {
  const room = place.slice(0, place.lastIndexOf("/"));
  const [name = "", member] = place.slice(room.length + 1).split(".");
  return [...sources]
    .filter(([path, text]) => isIn(room, path) && text.includes(name))
    .flatMap(([path, text]) => {
      const { program } = parseSync(path, text);
      return (program.body as unknown as readonly Node[])
        .map((node) => node.declaration ?? node)
        .filter((node) => namesOf(node).includes(name))
        .flatMap((node) =>
          member === undefined ? [node] : membersOf(node).filter((one) => memberName(one) === member),
        )
        .map((span) => ({ path, text, span }));
    });
}

/** The files directly in `src` are the room `src`. */
function isIn(room: string, path: string): boolean {
  return room === "src" ? !path.includes("/") : path.startsWith(`${room}/`);
}

function membersOf({ body }: Node): readonly Node[] {
  return body?.body ?? [];
}

function memberName({ key }: Node): string | undefined {
  return key?.type === "PrivateIdentifier" ? `#${key.name}` : key?.name;
}

function namesOf({ id, declarations = [] }: Node): readonly (string | undefined)[] {
  return id ? [id.name] : declarations.map((one) => one.id.name);
}

interface Token extends Span {
  readonly word: string;
}

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/y;
const WORD = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|#?[\w$]+|[^\s]/y;
const SPACE = /\s+/y;

/** Words and signs, without layout, comments, and commas before a closing bracket. */
function tokensIn(text: string, { start, end }: Span): Token[] {
  const tokens: Token[] = [];
  let at = start;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const [match] = pattern.exec(text) ?? [];
    if (match === undefined) return false;
    at += match.length;
    return true;
  };
  while (at < end) {
    if (skip(SPACE) || skip(COMMENT)) continue;
    const from = at;
    skip(WORD);
    const word = text.slice(from, at);
    if (/^[)\]}]$/.test(word) && tokens.at(-1)?.word === ",") tokens.pop();
    tokens.push({ word, start: from, end: at });
  }
  return tokens;
}
