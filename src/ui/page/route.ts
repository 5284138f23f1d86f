/** What the panel beside the table shows. */
export type Route = { readonly kind: "locks" } | { readonly kind: "losses" } | { readonly kind: "key"; readonly key: string };

export function routeOf(hash: string): Route {
  if (hash === "#/losses") return { kind: "losses" };
  const encoded = /^#\/key\/(.+)$/.exec(hash)?.[1];
  if (encoded === undefined) return { kind: "locks" };
  try {
    return { kind: "key", key: decodeURIComponent(encoded) };
  } catch {
    return { kind: "locks" };
  }
}

export function hashOf(key: string): string {
  return `#/key/${encodeURIComponent(key)}`;
}
