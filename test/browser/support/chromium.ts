import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { inject } from "vitest";

/** Where Linux distributions install it. Chrome serves as well. */
const SYSTEM_PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** A browser to start, and the folder of the libraries it needs where the system lacks them. */
export interface ChromiumProgram {
  readonly executablePath: string;
  readonly libraryPath?: string;
}

declare module "vitest" {
  interface ProvidedContext {
    chromium: ChromiumProgram;
  }
}

/** The browser that `CHROMIUM` names, or the system's. Undefined without one. Throws if `CHROMIUM` names no file. */
export function systemChromium(): string | undefined {
  const named = process.env.CHROMIUM;
  if (named !== undefined && !existsSync(named)) throw new Error(`CHROMIUM is ${named}, where there is no file`);
  return named ?? SYSTEM_PATHS.find((path) => existsSync(path));
}

/** Starts the browser that the global setup has found or unpacked. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  const { executablePath, libraryPath } = inject("chromium");
  return await chromium.launch({
    executablePath,
    // Chromium refuses its sandbox to root, and a container may have little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...args],
    ...(libraryPath !== undefined && {
      env: { ...process.env, LD_LIBRARY_PATH: libraryPath } as Record<string, string>,
    }),
  });
}
