// `npm run house`: how readable the sources are, in figures. Each line has its limit; one that is beyond it is marked.
//
//   npm run house              the figures
//   npm run house -- --list    and what they count: which files, names, classes
//   npm run words              the words and the length of lines alone; ends with 1 if a line is beyond its limit
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CODE = /\.(?:ts|tsx|mjs|go|pml)$/;
const PROSE = /\.md$/;
const NOT_OURS = /(?:^|\/)(?:node_modules|build|dist|coverage|temp|\.git)(?:\/|$)/;
/** The words of a language in which nothing has a name. */
const NAMELESS = /\b(?:whoever|somebody|nobody|whom|what is wanted)\b/i;
/** The files that say which words these are. */
const ABOUT_NAMELESS = new Set(["scripts/house.mjs", "test/project/words.test.ts"]);
/** Reports of the public API: TypeScript in a Markdown fence, written by api-extractor. */
const GENERATED_CODE = /^docs\/api\/.*\.api\.md$/;
/** The parts of `src` that stand around the lock: tools, and what another package asks for. */
const AROUND = /^(?:cli|doctor|node-cron|testing|ui)\//;

/** Folders that are not ours are not entered: others may be writing there. */
const filesBelow = (folder) =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (NOT_OURS.test(path)) return [];
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
const linesOf = (path) => readFileSync(join(ROOT, path), "utf8").split("\n");

const everything = filesBelow(".");
const code = everything.filter((path) => CODE.test(path));
const prose = everything.filter((path) => PROSE.test(path) && !GENERATED_CODE.test(path));
const sources = filesBelow("src")
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    const { program, comments } = parseSync(path, text);
    return { path: path.slice("src/".length), text, body: program.body, comments };
  });

/** A file directly in `src` is a room of its own. */
const roomOf = (path) => path.split("/")[0];
const declarationOf = (node) => (/^Export(?:Named|Default)Declaration$/.test(node.type) ? node.declaration : node);

function arrows() {
  const found = new Set();
  for (const { path, body } of sources) {
    for (const { source } of body) {
      if (!source?.value.startsWith(".")) continue;
      const target = posix.join(posix.dirname(path), source.value);
      if (roomOf(target) !== roomOf(path)) found.add(`${roomOf(path)} -> ${roomOf(target)}`);
    }
  }
  return [...found].sort();
}

/** Rooms that can be reached from themselves. */
function cycles() {
  const next = grouped(arrows(), (arrow) => arrow.split(" -> ")[0]);
  const reach = (room, seen = new Set()) => {
    for (const arrow of next.get(room) ?? []) {
      const to = arrow.split(" -> ")[1];
      if (!seen.has(to)) reach(to, seen.add(to));
    }
    return seen;
  };
  return [...next.keys()].filter((room) => reach(room).has(room));
}

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function classes() {
  return sources.flatMap(({ path, text, body }) =>
    body
      .map(declarationOf)
      .filter((node) => node?.type === "ClassDeclaration")
      .map((node) => ({
        name: `${node.id.name} (${path})`,
        lines: text.slice(node.start, node.end).split("\n").length,
        fields: node.body.body.filter(({ type, static: isStatic }) => type === "PropertyDefinition" && !isStatic)
          .length,
      })),
  );
}

const largest = (by) => classes().sort((a, b) => b[by] - a[by]);

/** Names that are declared at the top of two files or more. */
function doubledNames() {
  const files = new Map();
  for (const { path, body } of sources) {
    for (const node of body.map(declarationOf)) {
      const names =
        node?.type === "VariableDeclaration" ? node.declarations.map(({ id }) => id.name) : [node?.id?.name];
      for (const name of names.filter(Boolean)) files.set(name, (files.get(name) ?? new Set()).add(path));
    }
  }
  return [...files].filter(([, paths]) => paths.size > 1).map(([name, paths]) => `${name}: ${[...paths].join(", ")}`);
}

const implementing = (pattern) => sources.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

/** Lines of code, of comments and blank ones, of the library itself. */
function lineKinds() {
  const kinds = { code: 0, comment: 0, blank: 0 };
  for (const { text, comments } of sources.filter(({ path }) => !AROUND.test(path))) {
    let bare = text;
    for (const { start, end } of comments)
      bare = bare.slice(0, start) + bare.slice(start, end).replaceAll(/[^\n]/g, " ") + bare.slice(end);
    const original = text.trimEnd().split("\n");
    bare
      .split("\n")
      .slice(0, original.length)
      .forEach((line, at) => {
        kinds[line.trim() !== "" ? "code" : original[at].trim() !== "" ? "comment" : "blank"] += 1;
      });
  }
  return kinds;
}

const longLines = (paths, most) =>
  paths.flatMap((path) =>
    linesOf(path).flatMap((line, at) =>
      line.length > most && !/https?:\S{60}|^\|/.test(line) ? [`${path}:${at + 1}`] : [],
    ),
  );
const namelessLines = (paths) =>
  paths.flatMap((path) => linesOf(path).flatMap((line, at) => (NAMELESS.test(line) ? [`${path}:${at + 1}`] : [])));

const { code: codeLines, comment } = lineKinds();
const share = (100 * comment) / (codeLines + comment);
const loose = sources.filter(({ path }) => !path.includes("/")).map(({ path }) => path);
const nameless = namelessLines([...code, ...prose].filter((path) => !ABOUT_NAMELESS.has(path)));
const byLines = largest("lines");
const byFields = largest("fields");

/** What is measured, the figure, its limit, and what it counts. */
const FIGURES = [
  ["lines that say whoever, somebody, nobody, whom or what is wanted", nameless.length, 0, nameless],
  ["files directly in src", loose.length, 3, loose],
  ["arrows between rooms", arrows().length, 65, arrows()],
  ["rooms in a cycle", cycles().length, 0, cycles()],
  [
    "lines of the largest class",
    byLines[0].lines,
    160,
    byLines.filter(({ lines }) => lines > 160).map(({ name, lines }) => `${name}: ${lines}`),
  ],
  [
    "fields of the class with most",
    byFields[0].fields,
    10,
    byFields.filter(({ fields }) => fields > 10).map(({ name, fields }) => `${name}: ${fields}`),
  ],
  [
    "files that implement remainingMs",
    implementing(/^\s+(?:get )?remainingMs\b[^;]*\{/m).length,
    3,
    implementing(/^\s+(?:get )?remainingMs\b[^;]*\{/m),
  ],
  ["files that mention tryTimeoutMs", implementing(/\btryTimeoutMs\b/).length, 6, implementing(/\btryTimeoutMs\b/)],
  ["names declared in two or more files", doubledNames().length, 15, doubledNames()],
  ["lines of code over 120 columns", longLines(code, 120).length, 0, longLines(code, 120)],
  ["lines of Markdown over 100 columns", longLines(prose, 100).length, 0, longLines(prose, 100)],
  ["lines of code in src without cli, doctor, node-cron, testing and ui", codeLines, 6_000, []],
];

/** The figures of every line that is written, in code and in prose. */
const OF_LINES = /^lines (?:that say|of code over|of Markdown over)/;
const isAboutLines = process.argv.includes("--words");
const isListing = isAboutLines || process.argv.includes("--list");
for (const [what, figure, limit, counted] of FIGURES) {
  if (isAboutLines && !OF_LINES.test(what)) continue;
  if (isAboutLines && figure > limit) process.exitCode = 1;
  const mark = figure > limit ? "!" : " ";
  process.stdout.write(
    `${mark} ${figure.toLocaleString("en-US").padStart(6)}  ${what} (at most ${limit.toLocaleString("en-US")})\n`,
  );
  if (isListing) for (const one of counted) process.stdout.write(`            ${one}\n`);
}
const shareMark = share < 20 ? "!" : " ";
if (!isAboutLines)
  process.stdout.write(
    `${shareMark} ${share.toFixed(1).padStart(4)} %  of those lines and their comments are comments (at least 20 %)\n`,
  );
