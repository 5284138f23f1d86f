import type { MutexOptions } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { terminal } from "../terminal/terminal.ts";
import { pause } from "../time.ts";

type Credential = NonNullable<MutexOptions["credential"]>;
type LoginToken = Awaited<ReturnType<Credential["getToken"]>>;

const STORAGE_SCOPE = "https://storage.azure.com/.default";
/** `az` takes seconds, and a machine without managed identity may not even refuse. */
const LONGEST_LOGIN_MS = 20_000;
const HOW_TO =
  "log in with az login, run with a managed or workload identity, or set AZURE_STORAGE_KEY or " +
  "AZURE_STORAGE_SAS_TOKEN (--verbose says what was tried)";
/**
 * The words of the ways to log in for a network, or an Entra, that does not answer. A 503 of Entra is a response
 * without `expiresOn`.
 */
const NO_NETWORK = new RegExp(
  'network_error|endpoints_resolution_error|temporarily_unavailable|no "expiresOn" property|' +
    "ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH",
);

/**
 * Whatever login to Azure there is. It is tried before anything is asked of the service: that takes longer than one
 * request of a lock may, and who is not logged in is told so.
 */
export class AzureLogin {
  #credential: Credential | undefined;
  #first: LoginToken = null;
  #failure: Error | undefined;

  /** Throws a {@link CommandError} if there is none. */
  async open(credential: Credential, { verbose }: { readonly verbose: boolean }): Promise<void> {
    this.#credential = credential;
    const over = new AbortController();
    const tooLate = pause(LONGEST_LOGIN_MS, over.signal).then(() => {
      throw new CommandError(
        `no answer to the login to Azure within ${LONGEST_LOGIN_MS / 1_000} s: ${HOW_TO}`,
        EXIT.unreachable,
      );
    });
    try {
      this.#first = await Promise.race([credential.getToken(STORAGE_SCOPE, {}), tooLate]);
    } catch (error) {
      if (verbose) for (const line of printableLinesOf(error)) terminal.say(`azmutex: ${line}`);
      const failure = error instanceof CommandError ? error : loginRefused(error);
      this.#failure = asOfCredential(failure);
      throw failure;
    } finally {
      over.abort();
      tooLate.catch(() => undefined);
    }
  }

  /** Rejects at once after a login that failed, with what {@link AzureLogin.open} said of it. */
  async getToken(scopes: string | string[], options: { readonly claims?: string } = {}): Promise<LoginToken> {
    if (this.#failure) throw this.#failure;
    const first = this.#first;
    this.#first = null;
    if (first && options.claims === undefined) return first;
    return (await this.#credential?.getToken(scopes, options)) ?? null;
  }
}

/** One line. The messages of the SDK take many, and speak of ways to log in that the caller did not choose. */
function loginRefused(error: unknown): CommandError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = /\bAADSTS\d+/.exec(message)?.[0];
  const way = /^\w+Credential\b/.exec(message)?.[0] ?? name;
  const network = NO_NETWORK.exec(withoutProbe(error, message))?.[0];
  if (network !== undefined)
    return new CommandError(`no answer to the login to Azure (${way}: ${network})`, EXIT.unreachable, { cause: error });
  if (name === "AggregateAuthenticationError" || name === "CredentialUnavailableError") {
    return new CommandError(`not logged in to Azure${code === undefined ? "" : ` (${code})`}: ${HOW_TO}`, EXIT.denied, {
      cause: error,
    });
  }
  return new CommandError(
    `Azure refused the login (${[way, code].filter((part) => part !== undefined).join(": ")}): check ` +
      "AZURE_CLIENT_ID, AZURE_TENANT_ID and what goes with them (--verbose says more)",
    EXIT.denied,
    { cause: error },
  );
}

/** As the library reads the failures of credentials: an error without a name of theirs is one that may pass. */
function asOfCredential({ message, exitCode }: CommandError): Error {
  return Object.assign(new Error(message), exitCode === EXIT.denied && { name: "CredentialUnavailableError" });
}

/**
 * Of several ways to log in, managed identity is probed over a network that only Azure's machines have. On all others
 * the probe fails, and says nothing about whether this machine is logged in.
 */
function withoutProbe(error: unknown, message: string): string {
  if (!(error instanceof Error) || error.name !== "AggregateAuthenticationError") return message;
  return message.replace(/^.*\bManagedIdentityCredential\b.*$/gm, "");
}

/** What was said of each way, without what stands behind a question mark and may be a secret. */
function printableLinesOf(error: unknown): string[] {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n").map((line) => printable(line.replace(/\?\S*/g, "?...")));
}
