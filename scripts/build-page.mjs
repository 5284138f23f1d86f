// The status page in dist/ui/page/: what runs in the browser, as one file, and the licences of what is in it.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const project = fileURLToPath(new URL("..", import.meta.url));
const source = join(project, "src/ui/page");
const target = join(project, "dist/ui/page");

export async function buildPage() {
  const bundle = await rolldown({
    input: join(source, "main.tsx"),
    platform: "browser",
    tsconfig: join(source, "tsconfig.json"),
  });
  const { output } = await bundle.write({
    file: join(target, "page.js"),
    format: "esm",
    minify: true,
    comments: { legal: false },
  });
  for (const file of ["index.html", "page.css"]) copyFileSync(join(source, file), join(target, file));

  // The licences of these packages ask to be passed on with the code.
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
  writeFileSync(join(target, "licences.txt"), `page.js contains:\n\n${notices.join("\n\n")}`);
}
