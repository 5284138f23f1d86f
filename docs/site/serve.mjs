// Serves a folder of files on this machine, compressed as the hosts of static sites do.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { createGzip } from "node:zlib";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".md": "text/markdown",
  ".txt": "text/plain",
};
const COMPRESSED = new Set([".png", ".woff2"]);

/** Resolves with the address, once it listens; `close` ends it. Of all addresses only 127.0.0.1 is listened at. */
export async function serve(folder, port = 0) {
  const server = createServer((request, response) => {
    const file = fileAt(folder, request.url ?? "/");
    if (file === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("not found");
      return;
    }
    const type = extname(file);
    const isCompressed = !COMPRESSED.has(type);
    response.writeHead(200, {
      "content-type": `${TYPES[type] ?? "application/octet-stream"}; charset=utf-8`,
      ...(isCompressed && { "content-encoding": "gzip" }),
    });
    const content = createReadStream(file);
    (isCompressed ? content.pipe(createGzip()) : content).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Undefined where the URL names no file of the folder, or is none. */
function fileAt(folder, url) {
  const path = pathOf(url);
  if (path === undefined) return undefined;
  for (const name of [path, `${path}.html`, join(path, "index.html")]) {
    const file = join(folder, name);
    if (file.startsWith(folder) && statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
  }
  return undefined;
}

function pathOf(url) {
  try {
    const path = normalize(decodeURIComponent(new URL(url, "http://site").pathname));
    // No name of a file has it.
    return path.includes("\0") ? undefined : path;
  } catch {
    return undefined;
  }
}
