import { inspect } from "node:util";

/**
 * Whatever a careless program might print of an error: message, stack, properties hidden or not, and the same of its
 * causes.
 */
export function everythingPrinted(thrown: unknown): string {
  const parts = [
    String(thrown),
    inspect(thrown, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(thrown) ?? "",
  ];
  if (thrown instanceof Error) {
    parts.push(thrown.message, thrown.stack ?? "");
    if (thrown.cause !== undefined) parts.push(everythingPrinted(thrown.cause));
  }
  return parts.join("\n");
}
