import { existsSync, readFileSync } from "node:fs";

/** The folder of the project, for the sources as well as for what is compiled to `build/lab/`. */
export const PROJECT: URL = ["../../", "../../../"]
  .map((path) => new URL(path, import.meta.url))
  .find((folder) => existsSync(new URL("package.json", folder))) as URL;

/** The version of the package in a folder of the project: of ours in `""`. */
export function versionIn(folder: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`${folder}package.json`, PROJECT), "utf8")) as {
    version: string;
  };
  return version;
}
