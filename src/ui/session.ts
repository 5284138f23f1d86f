import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { TOKEN_HEADER } from "./snapshot.ts";

const SECRET_BYTES = 32;

/**
 * The session of a browser that opened the link: a token and a cookie, and a request needs both. Browsers send a
 * cookie of one port of this machine to all its ports, to servers of other users too: a cookie alone opens nothing. A
 * token alone opens only the way to a cookie.
 */
export class Session {
  readonly token: string = secret();
  readonly #cookie = secret();
  #port = 0;

  /** Cookies ignore ports: the port is a part of the name, apart from other servers on this machine. */
  set port(port: number) {
    this.#port = port;
  }

  /** For a `Set-Cookie` header. */
  get cookie(): string {
    return `${this.#name}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`;
  }

  hasToken(headers: IncomingHttpHeaders): boolean {
    const token = headers[TOKEN_HEADER];
    return typeof token === "string" && isSameSecret(token, this.token);
  }

  hasCookie({ cookie = "" }: IncomingHttpHeaders): boolean {
    return cookie.split(/; */).some((pair) => {
      const [name, value = ""] = pair.split("=", 2);
      return name === this.#name && isSameSecret(value, this.#cookie);
    });
  }

  get #name(): string {
    return `azmutex-${this.#port}`;
  }
}

function secret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** Compares in constant time. */
function isSameSecret(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}
