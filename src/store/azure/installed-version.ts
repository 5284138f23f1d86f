import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { resolveFile } from "../../runtime/packages.ts";

/** The version of a package, from its manifest above its main file. Undefined if it is not found. */
export function installedVersion(name: string): string | undefined {
  try {
    for (let folder = dirname(resolveFile(name)); folder !== dirname(folder); folder = dirname(folder)) {
      const manifest = manifestIn(folder);
      if (manifest?.name === name) return manifest.version;
    }
  } catch {
    // It is not installed, or this is a bundle.
  }
  return undefined;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}
