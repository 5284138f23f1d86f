// The lockfile has to install anywhere: from any registry or mirror, on every platform, with contents that are the
// same.
import { readFileSync } from "node:fs";

const faults = [];

for (const lockfile of ["package-lock.json", "lab/shared/peers/package-lock.json", "docs/site/package-lock.json"]) {
  const { packages } = JSON.parse(readFileSync(lockfile, "utf8"));
  const locked = new Set(Object.keys(packages).map((path) => path.replace(/.*node_modules\//, "")));
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined)
      faults.push(`${lockfile}: ${path} names a registry: install with this repository's .npmrc`);
    if (path !== "" && entry.integrity === undefined) faults.push(`${lockfile}: ${path} has no integrity hash`);
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (!locked.has(name))
        faults.push(`${lockfile}: ${path} needs ${name}, which is not locked: "npm ci" would refuse`);
    }
  }
}

for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
