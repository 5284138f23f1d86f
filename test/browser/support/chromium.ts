import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Where systems have it. Chrome is as good. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The machine's own chromium: nothing is downloaded. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));
  if (executablePath === undefined || !existsSync(executablePath)) {
    const places = executablePath ?? PLACES.join(", ");
    throw new Error(`there is no chromium at ${places}: apt-get install -y chromium, or say where it is with CHROMIUM=<path>`);
  }
  // Root has no sandbox, and a container may have little shared memory.
  return await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", ...args] });
}
