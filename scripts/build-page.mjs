// Makes the status page in dist/ui/: what runs in the browser as one file, and what others wrote of it by name.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const project = fileURLToPath(new URL("..", import.meta.url));
const dist = join(project, "dist");

const page = join(project, "src/ui/page");
const bundle = await rolldown({ input: join(page, "main.tsx"), platform: "browser", tsconfig: join(page, "tsconfig.json") });
const { output } = await bundle.write({ file: join(dist, "ui/page.js"), format: "esm", minify: true, comments: { legal: false } });
for (const file of ["index.html", "page.css"]) copyFileSync(join(page, file), join(dist, "ui", file));

// What others wrote, and want said wherever it goes.
const packages = new Set(
  output
    .flatMap((chunk) => Object.keys(chunk.modules ?? {}))
    .flatMap((path) => /.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(path) ?? []),
);
const notices = [...packages].sort().map((folder) => {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  if (licence === undefined) throw new Error(`${name} has no licence`);
  return `${name} ${version}\n\n${readFileSync(join(folder, licence), "utf8").trim()}\n`;
});
writeFileSync(join(dist, "ui/licences.txt"), `page.js contains:\n\n${notices.join("\n\n")}`);
