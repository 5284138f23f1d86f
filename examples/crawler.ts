// At most five downloads at once, however many crawlers run and on whatever machines. A crawler that dies leaves its
// permits to the others when its leases have run out.
//
//   npm run example -- crawler                       four crawlers, sixty pages, and a site that counts
//   node build/examples/crawler.js <url> [<url> …]   one crawler
//
// Exits with 0 when all pages were fetched, with 1 when some were not, and with 2 without any URL.
import { AzureMutex, Semaphore } from "azmutex";

/** A server that never answers must not keep a permit for ever. */
const PAGE_TIMEOUT_MS = 60_000;

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples" });
// Every crawler states the same number; one that states another is refused with a DifferingPermitsError.
const downloads = new Semaphore(mutex, "downloads", { permits: 5, purpose: "crawler" });

const urls = process.argv.slice(2);
if (urls.length === 0) {
  console.error("usage: crawler <url> [<url> …]");
  process.exit(2);
}

// All at once: they queue for permits here, in order, and only the first in line asks the service.
const failures = (await Promise.all(urls.map(crawl))).filter((fetched) => !fetched).length;
console.log(`${urls.length - failures} of ${urls.length} pages fetched`);
process.exitCode = failures === 0 ? 0 : 1;

/** Fetches one page. One that fails is no reason to stop the others. */
async function crawl(url: string): Promise<boolean> {
  try {
    const bytes = await downloads.run((permit) => download(url, permit.signal));
    console.log(`${url}: ${bytes} bytes`);
    return true;
  } catch (error) {
    // A LockLostError is one of them: the download was cut off, because a sixth may have begun.
    console.error(`${url}: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

async function download(url: string, lost: AbortSignal): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.any([lost, AbortSignal.timeout(PAGE_TIMEOUT_MS)]) });
  // The body as well: as long as it comes in, this is a download.
  const body = await response.arrayBuffer();
  if (!response.ok) throw new Error(`answered with ${response.status}`);
  return body.byteLength;
}
