import { pathToFileURL } from "node:url";
import { isMutexError } from "../../../index.ts";
import { loadPackage, requireFile } from "../../../runtime/packages.ts";
import type { LoadedPackage } from "./channel-maker.ts";

/**
 * The first of these packages that is installed: where the command runs, or else where azmutex is. Undefined if none
 * is. Throws `SdkNotLoadedError` for one that cannot be loaded.
 */
export async function firstInstalled(
  names: readonly string[],
): Promise<{ readonly name: string; readonly module: LoadedPackage } | undefined> {
  for (const placeOf of [inWorkingDirectory, besideAzmutex])
    for (const name of names) {
      const place = placeOf(name);
      const module = place === undefined ? undefined : await loaded(name, place);
      if (module) return { name, module };
    }
  return undefined;
}

const besideAzmutex = (name: string): string => name;

function inWorkingDirectory(name: string): string | undefined {
  try {
    return pathToFileURL(requireFile.resolve(name, { paths: [process.cwd()] })).href;
  } catch {
    return undefined;
  }
}

async function loaded(name: string, place: string): Promise<LoadedPackage | undefined> {
  try {
    const module = await loadPackage(name, () => import(place) as Promise<LoadedPackage>);
    // What CommonJS exports stands in `default`, and by its name only where Node finds it.
    return { ...Object(module.default), ...module };
  } catch (error) {
    if (isMutexError(error) && error.code === "SDK_NOT_LOADED" && error.isMissing) return undefined;
    throw error;
  }
}
