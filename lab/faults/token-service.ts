import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { loopbackCertificate } from "../shared/certificate.ts";

/** For how long a token is good, unless a row wants another, in seconds. None is used in its last second. */
export const TOKEN_SECONDS = 4;
/** Azurite is to take it for longer, so that it is the SDK that finds it too old. */
const CLAIMED_SECONDS = 3_600;

export type TokenTrouble =
  /** Every request is answered by 503. */
  | "busy"
  /** Connections end without an answer. */
  | "down"
  /** Requests are taken and never answered. Their connections stay open, also when the trouble is over. */
  | "silent";

/** An issuer of tokens as Entra ID is one, over https: what `ClientSecretCredential` asks for them. */
export class TokenService implements AsyncDisposable {
  trouble: TokenTrouble | undefined;
  /** For how long the tokens are good that it issues. */
  tokenSeconds: number = TOKEN_SECONDS;
  /** How many requests met trouble. */
  struck = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(loopbackCertificate(), (request, response) => this.#serve(request, response));
  }

  static async start(): Promise<TokenService> {
    const service = new TokenService();
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    return service;
  }

  /** The environment of a process that is to ask here for its tokens. */
  get env(): Readonly<Record<string, string>> {
    return { AZURE_AUTHORITY_HOST: this.#url, NODE_EXTRA_CA_CERTS: loopbackCertificate().certificateFile };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get #url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (this.trouble) {
      this.struck += 1;
      if (this.trouble === "down") request.socket.destroy();
      if (this.trouble === "busy") response.writeHead(503, { "content-type": "application/json" }).end("{}");
      return;
    }
    const answer = request.url?.includes("openid-configuration") ? this.#configuration() : tokenFor(this.tokenSeconds);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }

  #configuration(): object {
    const base = `${this.#url}/tenant`;
    return {
      token_endpoint: `${base}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      issuer: `${base}/v2.0`,
      jwks_uri: `${base}/keys`,
    };
  }
}

/** As Azurite wants it, which looks at everything but the signature. */
function tokenFor(seconds: number): object {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    aud: "https://storage.azure.com",
    iss: "https://sts.windows.net/tenant/",
    iat: now,
    nbf: now,
    exp: now + CLAIMED_SECONDS,
  };
  const parts = [{ alg: "RS256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return { token_type: "Bearer", expires_in: seconds, access_token: [...parts, "unsigned"].join(".") };
}
