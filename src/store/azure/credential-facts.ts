/** How requests are signed, without anything that is secret. */
export interface CredentialFacts {
  readonly kind: "account key" | "SAS" | "Entra ID token" | "none";
  /** The letters of its permissions. Of a SAS that has them. */
  readonly permissions?: string | undefined;
  /** Until when it is good, in milliseconds since 1970. Of a SAS that says it. */
  readonly until?: number | undefined;
  /** Whether it lets in to one container alone. */
  readonly isForOneContainer: boolean;
}

/** How a client of the SDK signs its requests. */
export function credentialOf({
  url,
  credential,
}: {
  readonly url: string;
  readonly credential: unknown;
}): CredentialFacts {
  const query = new URL(url).searchParams;
  if (query.has("sig")) {
    const until = Date.parse(query.get("se") ?? "");
    return {
      kind: "SAS",
      ...(query.has("sp") && { permissions: query.get("sp") ?? "" }),
      ...(Number.isFinite(until) && { until }),
      // That of an account says for which services it is.
      isForOneContainer: !query.has("ss"),
    };
  }
  const has = (name: string): boolean => typeof credential === "object" && credential !== null && name in credential;
  const kind = has("getToken") ? "Entra ID token" : has("accountKey") ? "account key" : "none";
  return { kind, isForOneContainer: false };
}
