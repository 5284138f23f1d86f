import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export interface Block {
  /** `ts`, `sh`, … */
  readonly language: string;
  readonly code: string;
  /** Where the code begins in the document, counted from 1. */
  readonly line: number;
  /** Whether the comment `<!-- executed -->` stands before it. */
  readonly executed: boolean;
}

/** A Markdown file, read for what can be checked in it. */
export interface Document {
  /** Within the project, with forward slashes. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** Relative links and images, without those to other sites. */
  readonly links: readonly { readonly target: string; readonly line: number }[];
  /** What a link may name after the `#`. */
  readonly anchors: ReadonlySet<string>;
  /** Every `npm run <script>`, in code or in prose. */
  readonly scripts: readonly { readonly name: string; readonly line: number }[];
  /** Every file and folder that is named in code within prose; a `*` stands for any part of a file's name. */
  readonly paths: readonly { readonly name: string; readonly line: number }[];
}

const FENCE = /^\s*(`{3,})(\w*)/;
const HEADING = /^#{1,6}\s+(.*)$/;
const LINK = /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)|\b(?:src|href)="([^"]+)"/g;
const ANCHOR = /\b(?:id|name)="([^"]+)"/g;
const PATH = /`((?:[\w.-]+\/)+(?:[\w.*-]+\.(?:ts|mjs|md|json|yml))?)`/g;
const SCRIPT = /\bnpm run ([\w:.-]*\w)/g;

/** A heading's anchor as GitHub makes it. */
function slug(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]*>/g, "");
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replaceAll(" ", "-");
}

export function parseDocument(path: string, text: string): Document {
  const blocks: Block[] = [];
  const links: { target: string; line: number }[] = [];
  const scripts: { name: string; line: number }[] = [];
  const paths: { name: string; line: number }[] = [];
  const anchors = new Set<string>();
  let open: { fence: string; language: string; from: number; executed: boolean } | undefined;
  let executed = false;

  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    for (const [, name = ""] of line.matchAll(SCRIPT)) scripts.push({ name, line: index + 1 });
    const [, fence, language = ""] = FENCE.exec(line) ?? [];
    if (open) {
      if (fence?.startsWith(open.fence) && language === "") {
        blocks.push({
          language: open.language,
          code: lines.slice(open.from, index).join("\n"),
          line: open.from + 1,
          executed: open.executed,
        });
        open = undefined;
      }
      continue;
    }
    if (fence) {
      open = { fence, language, from: index + 1, executed };
      executed = false;
      continue;
    }
    if (line.trim() !== "") executed = line.trim() === "<!-- executed -->";
    const [, heading] = HEADING.exec(line) ?? [];
    if (heading !== undefined) {
      const name = slug(heading);
      let anchor = name;
      for (let n = 1; anchors.has(anchor); n += 1) anchor = `${name}-${n}`;
      anchors.add(anchor);
    }
    for (const [, anchor = ""] of line.matchAll(ANCHOR)) anchors.add(anchor);
    for (const [, name = ""] of line.matchAll(PATH)) paths.push({ name, line: index + 1 });
    const prose = line.replace(/`[^`]*`/g, "");
    for (const [, inline, reference, attribute] of prose.matchAll(LINK)) {
      const target = inline ?? reference ?? attribute ?? "";
      if (!/^[a-z][a-z+.-]*:/i.test(target)) links.push({ target, line: index + 1 });
    }
  }
  if (open) throw new Error(`${path}:${open.from}: this code block is not closed`);
  return { path, blocks, links, anchors, scripts, paths };
}

const NOT_OURS = new Set(["node_modules", "dist", "build", "coverage", "temp", "api"]);

function markdownFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory())
      return NOT_OURS.has(entry.name) || entry.name === ".git" ? [] : markdownFiles(join(directory, entry.name));
    return entry.name.endsWith(".md") ? [join(directory, entry.name)] : [];
  });
}

/** Every Markdown file of the project. */
export function readDocuments(project: string): Document[] {
  return markdownFiles(project).map((file) =>
    parseDocument(relative(project, file).replaceAll("\\", "/"), readFileSync(file, "utf8")),
  );
}
