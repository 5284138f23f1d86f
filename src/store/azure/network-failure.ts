import type { StoreAddress } from "../store-address.ts";
import { cleanSentence } from "./clean-text.ts";
import { isLoopback } from "./endpoint.ts";

/** The SDK's code for a request that failed without a code of the network's. The message says more. */
const NO_CODE = "REQUEST_SEND_ERROR";

const UNKNOWN_SIGNER =
  "this machine does not know who signed its certificate; NODE_EXTRA_CA_CERTS names further authorities";
const CUT = "the connection was cut";
const NO_WAY = "no way there from this network";

/** What a failure of the network means, by its code. Names and connections have hints of their own. */
export const NETWORK_HINTS: Readonly<Record<string, string>> = Object.freeze({
  EAI_AGAIN: "the DNS does not answer",
  ECONNRESET: CUT,
  EPIPE: CUT,
  ETIMEDOUT: NO_WAY,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  EADDRNOTAVAIL: "this machine has no free port for a connection",
  EPROTO: "it does not speak TLS there",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS there",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_SIGNER,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_SIGNER,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_SIGNER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_SIGNER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_SIGNER,
  CERT_HAS_EXPIRED: "is this machine's clock right?",
  CERT_NOT_YET_VALID: "is this machine's clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "another machine answers under this name",
});

/** Why there was no answer, in one line: `ENOTFOUND (is the account's name right?)`. */
export function networkReason(code: string | undefined, message: string, address?: StoreAddress): string {
  const said = cleanSentence(withoutOpenSsl(message));
  if (code === undefined || code === NO_CODE) return /\w/.test(said) ? said : "it ended without an answer";
  const at = said.indexOf(code);
  // Node says what it called before the code, and which address it called behind it.
  const behind = at === -1 ? said : said.slice(at + code.length).trim();
  const isKnown = !/\w/.test(behind) || behind === address?.host || behind === address?.host.replace(/:\d+$/, "");
  const detail = isKnown ? "" : at === -1 ? `: ${behind}` : ` ${behind}`;
  const hint = networkHint(code, isKnown ? undefined : behind, address);
  return `${code}${detail}${hint === undefined ? "" : ` (${hint})`}`;
}

/** @param other - The host that was asked, where it is not the store's: a proxy, or an address by number. */
function networkHint(code: string, other: string | undefined, address: StoreAddress | undefined): string | undefined {
  switch (code) {
    case "ENOTFOUND":
      if (other !== undefined && address) return "is the proxy's name right?";
      return address?.account.includes(".") ? "is the host's name right?" : "is the account's name right?";
    case "ECONNREFUSED": {
      const host = (other ?? address?.host ?? "").replace(/:\d+$/, "");
      return isLoopback(host) || host === "::1"
        ? "nothing listens there: does the emulator run?"
        : "nothing listens there";
    }
    default:
      return Object.hasOwn(NETWORK_HINTS, code) ? NETWORK_HINTS[code] : undefined;
  }
}

/** OpenSSL's own words, without the numbers around them. */
function withoutOpenSsl(message: string): string {
  return message.replace(/\b[0-9A-F]{8,}:error:[0-9A-F]+:SSL routines:[^:]*:([^:\n]*).*/s, "$1");
}
