// Whether a folder is what a build has made of the sources as they are, so that it need not be made again.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const filesBelow = (path) => {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
};

function digest(parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}

/**
 * Of a build that makes the folder `made` of files and folders. `record` is the file in which `remember` notes both.
 * Sources count by their contents. What was made counts by names, sizes and times: any change to it is a reason to make
 * it again.
 */
export function upToDate({ sources, made, record }) {
  const sourcesNow = digest(sources.flatMap(filesBelow).flatMap((path) => [path, readFileSync(path)]));
  const stateNow = () => {
    const files = filesBelow(made).map((path) => [path, statSync(path)]);
    return digest([sourcesNow, ...files.flatMap(([path, { size, mtimeMs }]) => [path, `${size} ${mtimeMs}`])]);
  };
  return {
    isMade: () => existsSync(made) && existsSync(record) && readFileSync(record, "utf8") === stateNow(),
    remember() {
      mkdirSync(dirname(record), { recursive: true });
      writeFileSync(record, stateNow());
    },
  };
}
