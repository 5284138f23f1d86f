// Builds the site into build/site/dist; with --open serves it on this machine and opens it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeApiReference } from "./api-reference.mjs";
import { contents } from "./contents.mjs";
import { write, writePages } from "./pages.mjs";

const site = fileURLToPath(new URL(".", import.meta.url));
const project = fileURLToPath(new URL("../../", import.meta.url));
const built = join(project, "build/site");

install();
rmSync(built, { recursive: true, force: true });
const pages = writePages(project, built);
writeApiReference(project, site, built);
mkdirSync(join(built, "public"), { recursive: true });
cpSync(join(site, "icon.svg"), join(built, "public/icon.svg"));
for (const part of ["config.mjs", "contents.mjs", "theme"]) {
  cpSync(join(site, part), join(built, ".vitepress", part), { recursive: true });
}
symlinkSync(join(site, "node_modules"), join(built, "node_modules"), "junction");
const { build } = await import("vitepress");
await build(built);
writePlainPages();
console.log(`${pages.length} pages and the API reference are in build/site/dist`);
if (process.argv.includes("--open")) {
  const { serve } = await import("./serve.mjs");
  const { url } = await serve(join(built, "dist"));
  console.log(`The site is at ${url} until Ctrl-C.`);
  const opener = { darwin: "open", win32: "explorer" }[process.platform] ?? "xdg-open";
  spawnSync(opener, [url], { stdio: "ignore" });
}

/** Once: what is installed is compared with what is locked. */
function install() {
  const installed = join(site, "node_modules/.package-lock.json");
  const wanted = JSON.parse(readFileSync(join(site, "package-lock.json"), "utf8")).packages;
  const there = existsSync(installed) ? JSON.parse(readFileSync(installed, "utf8")).packages : {};
  const main = ["node_modules/vitepress", "node_modules/@microsoft/api-documenter"];
  if (main.every((path) => there[path]?.version === wanted[path].version)) return;
  const { status } = spawnSync("npm", ["ci", "--loglevel=error"], {
    cwd: site,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`the generator of the site could not be installed: npm ci ended with ${status}`);
}

/** Each page as its Markdown beside it, and llms.txt, which lists them for programs that read. */
function writePlainPages() {
  for (const page of pages) {
    mkdirSync(dirname(join(built, "dist", page)), { recursive: true });
    cpSync(join(built, page), join(built, "dist", page));
  }
  const lines = contents(readFileSync(join(built, "docs/index.md"), "utf8")).flatMap(({ text, items }) => [
    "",
    `## ${text}`,
    "",
    ...items.map(({ text: name, link, what }) => `- [${name}](${link.slice(1)}): ${what}`),
  ]);
  const summary =
    "A distributed mutex for TypeScript on Azure Blob leases: fencing tokens, elections, semaphores, a command.";
  write(
    join(built, "dist/llms.txt"),
    ["# azmutex", "", `> ${summary}`, "", "- [Front page](index.md)", ...lines, ""].join("\n"),
  );
}
