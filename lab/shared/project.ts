import { readFileSync } from "node:fs";

/** The folder of the project, for what is compiled to `build/lab/<folder>/`. */
export const PROJECT = new URL("../../../", import.meta.url);

/** The version of the package in a folder of the project: of ours in `""`. */
export function versionIn(folder: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`${folder}package.json`, PROJECT), "utf8")) as {
    version: string;
  };
  return version;
}
