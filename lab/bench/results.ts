import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { PROJECT } from "../shared/project.ts";
import type { Benchmark, Measured } from "./benchmark.ts";
import { chartSvg } from "./chart.ts";
import { PAGES_WITH_WAITS, withWaits } from "./deaths/page.ts";
import { benchmarksDocument } from "./document.ts";
import { chartsOf } from "./pictures.ts";

const FOLDER = new URL("docs/benchmarks/", PROJECT);
const RESULTS = fileURLToPath(new URL("results.json", FOLDER));
const DOCUMENT = fileURLToPath(new URL("../benchmarks.md", FOLDER));

/** Puts a new result in place of an older one of the same name, in the order of `all`; writes the documents anew. */
export async function record(measured: Measured, all: readonly Benchmark[]): Promise<void> {
  const before = await recorded();
  const results = all.flatMap(({ name }) => {
    const found = measured.name === name ? measured : before.find((one) => one.name === name);
    return found ? [found] : [];
  });
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  await redraw();
}

/** Makes of the recorded results the page, its pictures, and the figures on other pages. */
export async function redraw(): Promise<void> {
  const results = await recorded();
  await writeFile(DOCUMENT, benchmarksDocument(results));
  for (const page of PAGES_WITH_WAITS) {
    const path = fileURLToPath(new URL(`../${page}`, FOLDER));
    await writeFile(path, withWaits(await readFile(path, "utf8"), results));
  }
  for (const [file, chart] of results.flatMap((result) => [...chartsOf(result)]))
    await writeFile(fileURLToPath(new URL(file, FOLDER)), `${chartSvg(chart)}\n`);
}

async function recorded(): Promise<readonly Measured[]> {
  try {
    return JSON.parse(await readFile(RESULTS, "utf8")) as readonly Measured[];
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
