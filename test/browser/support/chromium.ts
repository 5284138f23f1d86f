import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATH = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** The machine's own chromium: nothing is downloaded. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  if (!existsSync(PATH)) {
    throw new Error(`there is no chromium at ${PATH}: apt-get install -y chromium, or say where it is with CHROMIUM=<path>`);
  }
  // Root has no sandbox, and a container may have little shared memory.
  return await chromium.launch({ executablePath: PATH, args: ["--no-sandbox", "--disable-dev-shm-usage", ...args] });
}
