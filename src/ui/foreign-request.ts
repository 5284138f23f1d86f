import type { IncomingMessage } from "node:http";

/**
 * Why a request is rejected as foreign to the page. Undefined if it may be the page's own. A foreign name that points
 * to this machine (DNS rebinding) shows in `Host`. The page of another site, or of another server of this machine,
 * shows in `Origin` and `Sec-Fetch-Site`.
 */
export function rejectForeign({ headers, method }: IncomingMessage, port: number): string | undefined {
  const { host = "", origin } = headers;
  const names = ["127.0.0.1", "localhost", "[::1]"].flatMap((name) =>
    port === 80 ? [name, `${name}:80`] : [`${name}:${port}`],
  );
  if (!names.includes(host.toLowerCase())) return `this page is at http://127.0.0.1:${port} and under no other name`;
  const site = headers["sec-fetch-site"];
  const isNavigation = headers["sec-fetch-mode"] === "navigate" && method === "GET";
  if (site !== undefined && site !== "same-origin" && !isNavigation) return "only the page itself may ask this";
  if (origin !== undefined && origin !== `http://${host}`) return "only the page itself may ask this";
  if (method === "POST" && origin === undefined) return "only the page itself may ask this";
  return undefined;
}
