// The Markdown of the project as pages of the site: its README files are the index pages of their folders, and a link
// to anything else of the project leads to a copy of it as text.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/** The reports in docs/api are for the check of the public API: the site has pages made from the same model. */
const NO_PAGES = /^(?:docs\/api|docs\/site|test)\//;
/** A picture is a part of its page. */
const PICTURE = /\.(?:svg|png)$/;
const LINK = /(?<=\]\()([^)\s]+)(?=\))/g;

const pageOf = (path) => path.replace(/(^|\/)README\.md$/, "$1index.md");

/** Writes the pages and what they link to. Returns their paths. */
export function writePages(project, into) {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
    cwd: project,
    encoding: "utf8",
  });
  const pages = files.split("\n").filter((path) => path !== "" && !NO_PAGES.test(path));
  for (const path of pages) {
    write(join(into, pageOf(path)), withLinks(readFileSync(join(project, path), "utf8"), path, pages, project, into));
  }
  return pages.map(pageOf);
}

function withLinks(text, path, pages, project, into) {
  let isCode = false;
  const lines = text.split("\n").map((line) => {
    if (/^\s*```/.test(line)) isCode = !isCode;
    // The highlighter does not know it.
    if (isCode) return line.replace(/^```cron$/, "```txt");
    return line.replace(LINK, (target) => linkOf(target, path, pages, project, into));
  });
  return lines.join("\n");
}

function linkOf(target, path, pages, project, into) {
  if (/^(?:[a-z][a-z+.-]*:|#)/i.test(target)) return target;
  const [file = "", anchor] = target.split("#");
  const named = posix.normalize(posix.join(posix.dirname(path), file)).replace(/\/$/, "");
  if (PICTURE.test(named)) {
    // As a part of the page, and where a link leads.
    for (const place of [into, join(into, "public")]) copy(join(project, named), join(place, named));
    return target;
  }
  const isFolder = statSync(join(project, named), { throwIfNoEntry: false })?.isDirectory();
  const source = isFolder ? posix.join(named, "README.md") : named;
  const from = posix.dirname(path);
  if (pages.includes(source)) {
    return `${posix.relative(from, pageOf(source))}${anchor === undefined ? "" : `#${anchor}`}`;
  }
  if (!existsSync(join(project, source))) throw new Error(`${path} links to ${target}, which is not there`);
  copy(join(project, source), join(into, "public/source", `${source}.txt`));
  return posix.relative(from, posix.join("source", `${source}.txt`));
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

export function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
