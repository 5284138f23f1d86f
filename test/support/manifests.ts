import { parseAllDocuments, type Document as Yaml } from "yaml";
import { readDocuments } from "./documents.ts";
import { PROJECT } from "./sources.ts";

/** A YAML document of a page. */
export interface Manifest {
  readonly page: string;
  /** Where its block begins, counted from 1. */
  readonly line: number;
  readonly yaml: Yaml.Parsed;
}

/** Every manifest and workflow of the documents. */
export const manifests: readonly Manifest[] = readDocuments(PROJECT).flatMap(({ path: page, blocks }) =>
  blocks
    .filter(({ language }) => language === "yaml")
    .flatMap(({ code, line }) => parseAllDocuments(code).map((yaml) => ({ page, line, yaml: yaml as Yaml.Parsed }))),
);

/** What the manifests of a page say. */
export const manifestsOf = (page: string): unknown[] =>
  manifests.filter((manifest) => manifest.page === page).map(({ yaml }) => yaml.toJS());
