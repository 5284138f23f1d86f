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
  const starts = [...text.slice(0, span.end).matchAll(patternOf(stands))].filter(({ index }) => index >= span.start);
  const [match] = starts;
  if (!match || starts.length > 1)
    throw new Error(`in ${place} (${path}) this stands ${starts.length} times, not once:\n${stands}`);
  const to = match.index + match[0].length;
  return new Map(sources).set(path, text.slice(0, match.index) + instead + text.slice(to));
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

const WORD = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|#?[\w$]+|[^\s]/g;
/** Layout, comments, and commas before a closing bracket. */
const GAP = String.raw`(?:\s|/\*[\s\S]*?\*/|//[^\n]*|,(?=\s*[)\]}]))*`;

/** Finds these words and signs, with any gaps between them. */
function patternOf(code: string): RegExp {
  const words = (code.match(WORD) ?? []).filter(
    (word, at, all) => !(word === "," && /^[)\]}]$/.test(all[at + 1] ?? "")),
  );
  const escaped = words.map((word) => {
    const literally = word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    return /^#?[\w$]/.test(word) ? `(?<![\\w$#])${literally}(?![\\w$])` : literally;
  });
  return new RegExp(escaped.join(GAP), "g");
}
