import { unlessAborted } from "../../time/abort.ts";
import { type Clock, Stopwatch, wallTime } from "../../time/clock.ts";
import { TokenError, tokenFailureKind } from "./token-failure.ts";

/** The interface of the credentials of `@azure/identity`, and of any other source of Entra tokens. */
export interface TokenCredentialLike {
  /**
   * A token for these scopes, with the time at which it expires, in milliseconds since 1970; null if there is none. A
   * rejection fails the request that needed the token, and the next request asks again.
   */
  getToken(scopes: string | string[], options?: object): Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

/**
 * A request for a token is given up after so many milliseconds. `az` takes seconds; a managed identity that starts may
 * take many.
 */
const GIVEN_UP_AFTER_MS = 30_000;
/**
 * After so many milliseconds without an answer, a second request is sent beside the first, whose connection may be
 * dead.
 */
const ASKED_AGAIN_AFTER_MS = 10_000;
/** A token is fetched anew so many milliseconds before it expires, and used meanwhile. */
const REFRESHED_BEFORE_MS = 120_000;
/** A token is not used so many milliseconds before it expires: the request takes some time to arrive. */
const UNUSED_BEFORE_MS = 1_000;
/** A refresh that failed is repeated after so many milliseconds at the earliest. */
const REFRESHED_AGAIN_AFTER_MS = 3_000;

interface Token {
  readonly token: string;
  readonly expiresOnTimestamp: number;
  readonly refreshAfterTimestamp?: number;
}

/** The tokens for one scope and tenant. */
interface KeptToken {
  token?: Token | undefined;
  /** The request that is under way, which all share. */
  fetching?: Promise<Token> | undefined;
  lastRefresh?: Stopwatch | undefined;
}

interface TokenOptions {
  readonly abortSignal?: unknown;
  readonly tenantId?: string;
  readonly claims?: string;
}

/**
 * The tokens of a credential, for the SDK's clients. Fetching one is shared by all requests and outlives the one that
 * asked for it; it is bounded by time-outs of its own, after which the next request asks anew. Rejects with
 * `TokenError`.
 *
 * It keeps the tokens itself and tells the SDK that they have expired: the SDK refreshes a token that it keeps in the
 * background, waits without a bound for a request that hangs, and leaves a failure at the very end unhandled, which
 * ends the process.
 */
export class TokenSource implements TokenCredentialLike {
  readonly #credential: TokenCredentialLike;
  readonly #clock: Clock;
  readonly #kept = new Map<string, KeptToken>();
  #lastUsed: KeptToken | undefined;
  /** Whether the credential has given a token: from then on a failure is no sign of a missing login. */
  #hasHadToken = false;

  constructor(credential: TokenCredentialLike, clock: Clock) {
    this.#credential = credential;
    this.#clock = clock;
  }

  async getToken(scopes: string | string[], { abortSignal: _, ...options }: TokenOptions = {}): Promise<Token> {
    const kept = this.#keptFor(JSON.stringify([scopes, options.tenantId]));
    this.#lastUsed = kept;
    const { token } = kept;
    const leftMs = token && options.claims === undefined ? token.expiresOnTimestamp - wallTime() : 0;
    if (token === undefined || leftMs <= UNUSED_BEFORE_MS)
      return forOneRequest(await this.#fetch(kept, scopes, options));
    if (isRefreshDue(token, leftMs) && !(kept.lastRefresh && kept.lastRefresh.elapsedMs < REFRESHED_AGAIN_AFTER_MS)) {
      kept.lastRefresh = new Stopwatch(this.#clock);
      // The one at hand is good for a while; a failure shows when it is not.
      this.#fetch(kept, scopes, options).catch(() => undefined);
    }
    return forOneRequest(token);
  }

  /** The token that was used last, or its successor, unless it has expired. */
  get tokenAtHand(): string | undefined {
    const token = this.#lastUsed?.token;
    return token && token.expiresOnTimestamp - wallTime() > UNUSED_BEFORE_MS ? token.token : undefined;
  }

  #keptFor(key: string): KeptToken {
    const kept = this.#kept.get(key) ?? {};
    this.#kept.set(key, kept);
    return kept;
  }

  #fetch(kept: KeptToken, scopes: string | string[], options: TokenOptions): Promise<Token> {
    kept.fetching ??= this.#request(scopes, options)
      .then((token) => {
        kept.token = token;
        return token;
      })
      .finally(() => {
        kept.fetching = undefined;
      });
    return kept.fetching;
  }

  async #request(scopes: string | string[], options: TokenOptions): Promise<Token> {
    const over = new AbortController();
    const ask = async () => this.#credential.getToken(scopes, { ...options, abortSignal: over.signal });
    const limit = this.#clock.setTimer(GIVEN_UP_AFTER_MS, () =>
      over.abort(new Error(`no answer to the request for a token within ${GIVEN_UP_AFTER_MS / 1_000} s`)),
    );
    let again = limit;
    try {
      const second = new Promise<Token | null>((resolve, reject) => {
        again = this.#clock.setTimer(ASKED_AGAIN_AFTER_MS, () => ask().then(resolve, reject));
      });
      const token = await unlessAborted(Promise.race([ask(), second]), over.signal);
      if (typeof token?.token !== "string" || token.token === "")
        throw Object.assign(new Error("the credential gives no token"), { name: "CredentialUnavailableError" });
      this.#hasHadToken = true;
      return token;
    } catch (error) {
      const kind = tokenFailureKind(error);
      throw new TokenError(kind === "unavailable" && this.#hasHadToken ? "unsure" : kind, error);
    } finally {
      again.cancel();
      limit.cancel();
      // The requests that are still under way are of no use any more.
      over.abort();
    }
  }
}

/** The SDK asks again for the next one. */
function forOneRequest(token: Token): Token {
  return { ...token, expiresOnTimestamp: 0, refreshAfterTimestamp: 0 };
}

function isRefreshDue({ refreshAfterTimestamp }: Token, leftMs: number): boolean {
  return leftMs < REFRESHED_BEFORE_MS || (refreshAfterTimestamp !== undefined && refreshAfterTimestamp < wallTime());
}
