// A page for each public name, made from the model that the API reports are made from.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { write } from "./pages.mjs";

const ENTRIES = [
  ["azmutex", "api-extractor.json", "locks, recipes, errors"],
  ["azmutex/node-cron", "api-extractor.node-cron.json", "schedules of node-cron"],
  ["azmutex/store", "api-extractor.store.json", "a store of your own"],
  ["azmutex/testing", "api-extractor.testing.json", "a clock, faults and an emulator for tests"],
  ["azmutex/wake-ups", "api-extractor.wake-ups.json", "Redis, PostgreSQL and NATS to wake waiters"],
];

function run(program, args, cwd) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stdout}${stderr}`);
}

/** api-documenter takes each entry for a package by the name `azmutex`, and begins with a heading of level 2. */
function asPage(text, entry) {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/^<!-- Do not edit.*\n+/, "")
    .replace("[Home](./index.md) &gt; [azmutex](./azmutex.md)", `[${entry}](./index.md)`)
    .replaceAll("./azmutex.md", "./index.md")
    .replaceAll("<!-- -->", "")
    .replace(/^## azmutex package$/m, `# ${entry}`)
    .replace(/^## /m, (heading, _at, whole) => (/^# /m.test(whole) ? heading : "# "));
}

export function writeApiReference(project, site, into) {
  const models = join(project, "temp/api-models");
  rmSync(models, { recursive: true, force: true });
  const rows = ENTRIES.map(([entry, config, what]) => {
    const name = entry.replace("azmutex/", "");
    const settings = JSON.parse(readFileSync(join(project, config), "utf8"));
    const model = join(models, name, `${name}.api.json`);
    write(
      join(models, `${name}.json`),
      JSON.stringify({
        ...settings,
        extends: settings.extends && join(project, settings.extends),
        projectFolder: project,
        apiReport: { enabled: false },
        docModel: { enabled: true, apiJsonFilePath: model },
      }),
    );
    run(
      join(project, "node_modules/@microsoft/api-extractor/bin/api-extractor"),
      ["run", "--local", "--config", join(models, `${name}.json`)],
      project,
    );
    const folder = join(into, "api", name);
    run(
      join(site, "node_modules/@microsoft/api-documenter/bin/api-documenter"),
      ["markdown", "--input-folder", join(models, name), "--output-folder", folder],
      project,
    );
    renameSync(join(folder, "azmutex.md"), join(folder, "index.md"));
    for (const page of readdirSync(folder)) {
      const text = readFileSync(join(folder, page), "utf8");
      writeFileSync(join(folder, page), asPage(text, entry));
    }
    return `| [\`${entry}\`](${name}/index.md) | ${what} |`;
  });
  write(
    join(into, "api/index.md"),
    [
      "# API reference",
      "",
      "Every public name, by the module that exports it.",
      "",
      "| module | |",
      "|---|---|",
      ...rows,
      "",
    ].join("\n"),
  );
}
