import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = join(dirname(fileURLToPath(import.meta.url)), "../..");

export interface Import {
  /** A path within src/ for a relative import, the specifier itself for any other. */
  readonly target: string;
  readonly kind: "static" | "type" | "dynamic";
}

export interface Source {
  /** Within src/, with forward slashes: `store/azure/connect.ts`. */
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const STRING_OR_COMMENT = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const STATIC = /\b(?:import|export)\s+(type\s)?(?:[\w*\s{},$]*?\bfrom\s*)?["']([^"'\n]+)["']/g;
const DYNAMIC = /\bimport\s*\(\s*["']([^"'\n]+)["']/g;

/**
 * Reads one file well enough for our own style: no parser, so keep regular expressions with quotes in them out of src/.
 */
export function parseSource(path: string, text: string): Source {
  const code = text.replace(STRING_OR_COMMENT, (_, string?: string) => string ?? " ");
  const target = (specifier: string): string =>
    specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
  const imports: Import[] = [];
  for (const [, type, specifier = ""] of code.matchAll(STATIC))
    imports.push({ target: target(specifier), kind: type ? "type" : "static" });
  for (const [, specifier = ""] of code.matchAll(DYNAMIC)) imports.push({ target: target(specifier), kind: "dynamic" });
  return { path, code, imports };
}

export function readSources(): Source[] {
  const src = join(PROJECT, "src");
  return readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => parseSource(path, readFileSync(join(src, path), "utf8")));
}
