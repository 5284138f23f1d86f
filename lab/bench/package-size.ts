import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What `npm pack` makes, in bytes. */
export interface PackageSize {
  readonly packed: number;
  /** As it is installed, without what it depends on. */
  readonly unpacked: number;
  readonly files: number;
}

interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** The status page: its server and what it serves. Nothing but `azmutex ui` reads them. */
const PAGE = "dist/ui/";

/** What a registry is given, all of it and without source maps and status page. */
export function packageSizes(project: string): { readonly all: PackageSize; readonly withoutMapsAndPage: PackageSize } {
  const all = packed(project);
  const folder = mkdtempSync(join(tmpdir(), "azmutex-package-"));
  try {
    for (const { path } of all.files)
      if (!path.endsWith(".map") && !path.startsWith(PAGE)) cpSync(join(project, path), join(folder, path));
    return { all: sizeOf(all), withoutMapsAndPage: sizeOf(packed(folder)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What has to be installed with it to run. */
export function runTimeDependencies(project: string): readonly string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
    dependencies?: object;
  };
  return Object.keys(dependencies);
}

function packed(folder: string): Packed {
  const told = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [one] = JSON.parse(told) as [Packed];
  return one;
}

function sizeOf({ size, unpackedSize, files }: Packed): PackageSize {
  return { packed: size, unpacked: unpackedSize, files: files.length };
}
