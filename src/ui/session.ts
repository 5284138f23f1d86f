import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { TOKEN_HEADER } from "./snapshot.ts";

const SECRET_BYTES = 32;

/**
 * Lets in a browser that was given the link, token and all. Cookies of one port of this machine go to all its
 * ports, other users' servers among them, so a cookie alone opens nothing. A token alone opens nothing either,
 * but the way to a cookie.
 */
export class Session {
  readonly token: string = secret();
  readonly #cookie = secret();
  #port = 0;

  /** Cookies know no ports: that of another server on this machine has another name. */
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

/** Takes as long whatever differs. */
function isSameSecret(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}
