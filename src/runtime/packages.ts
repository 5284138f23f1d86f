import { closeSync, openSync } from "node:fs";
import { Module } from "node:module";
import { devNull } from "node:os";
import { dirname, join } from "node:path";
import { SdkNotLoadedError, StoreUnavailableError } from "../errors.ts";

/**
 * The SDK's some hundred modules are read at once by `import`, and one after the other by `require`. Measured: 64 and
 * 4.
 */
const FILES_FOR_IMPORT = 128;
const FILES_FOR_REQUIRE = 16;
/** Shortages of a machine that may pass, by the code or by the words of the error. */
const PASSING = /\b(?:EMFILE|ENFILE|ENOMEM|EAGAIN|EBUSY)\b|too many open files/i;

/** The CommonJS build has a `require` of the module's own. */
declare const require: NodeJS.Require | undefined;

/**
 * Where a package or a file of one is installed, to be loaded by {@link requireFile}. CommonJS looks from this very
 * file. ES modules cannot without `import.meta`, which CommonJS does not have: they look from the program that was
 * started, and from the directory it runs in. Throws `MODULE_NOT_FOUND`.
 */
export function resolveFile(name: string): string {
  if (typeof require === "function") return require.resolve(name);
  const [, program = ""] = process.argv;
  return requireFile.resolve(name, { paths: [dirname(program), process.cwd()] });
}

/**
 * Loads a file by its absolute path, at once. By the name of `createRequire` alone, webpack would look for the file as
 * it builds.
 */
export const requireFile: NodeJS.Require =
  typeof require === "function" ? require : Module.createRequire(join(process.cwd(), "azmutex.js"));

/**
 * Loads a package that azmutex does not come with. Throws `SdkNotLoadedError` if it is not installed or cannot run
 * here, and `StoreUnavailableError` if that may pass: the machine has no file descriptors left, say. Either way the
 * next call tries again; but some versions of Node find a package that was missing in the next process only.
 *
 * Node remembers a failed `import` for as long as the process runs, and Node 20 also takes what it could not open for
 * missing. So nothing is loaded while file descriptors are short, and `require` is the second way to the same package.
 */
export async function loadPackage<T>(name: string, importIt: () => Promise<T>): Promise<T> {
  let failure = shortageOfFiles(FILES_FOR_IMPORT);
  if (failure === undefined) {
    try {
      return await importIt();
    } catch (error) {
      failure = error;
    }
  }
  if (isMissing(name, failure)) throw notLoaded(name, failure);
  const shortage = shortageOfFiles(FILES_FOR_REQUIRE);
  if (shortage !== undefined) throw notLoaded(name, shortage);
  try {
    return requireFile(resolveFile(name)) as T;
  } catch (error) {
    // A bundle has no folder to require from, and the first failure says more.
    throw notLoaded(name, isShortage(failure) ? error : failure);
  }
}

function notLoaded(name: string, cause: unknown): Error {
  const why = firstLine(cause);
  if (isShortage(cause))
    return new StoreUnavailableError(`the package ${name} cannot be loaded for now: ${why}`, undefined, { cause });
  if (isMissing(name, cause))
    return new SdkNotLoadedError(`azmutex needs the package ${name}: npm install ${name}`, { cause, isMissing: true });
  return new SdkNotLoadedError(`azmutex cannot load the package ${name}: ${why} (Node.js ${process.version})`, {
    cause,
    isMissing: false,
  });
}

/** Whether the package itself was not found, and not one of its dependencies or files. */
function isMissing(name: string, error: unknown): boolean {
  return (
    /^(?:ERR_)?MODULE_NOT_FOUND$/.test(codeOf(error)) &&
    new RegExp(`^Cannot find (?:package|module) ['"]${name}['"]`).test(firstLine(error))
  );
}

function isShortage(error: unknown): boolean {
  return PASSING.test(`${codeOf(error)} ${firstLine(error)}`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function firstLine(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line;
}

/** Why so many files more cannot be opened, or undefined if they can. */
function shortageOfFiles(count: number): unknown {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(devNull, "r"));
    return undefined;
  } catch (error) {
    return isShortage(error) ? error : undefined;
  } finally {
    for (const file of opened) closeSync(file);
  }
}
