import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import type { Emulator } from "azmutex/testing";
import { loopbackCertificate } from "../shared/certificate.ts";

/**
 * What plays Entra ID: a managed identity that gives one token, and the emulator behind TLS, which answers to that
 * token alone.
 */
export interface Entra extends AsyncDisposable {
  /** For a process whose `@azure/identity` is to log in, and which is to trust the certificate. */
  readonly env: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;
const REFUSAL = "<?xml version='1.0'?><Error><Code>InvalidAuthenticationInfo</Code></Error>";

export async function startEntra(emulator: Emulator): Promise<Entra> {
  const token = `token-${randomUUID()}`;
  const secret = randomUUID();
  const { key, cert, certificateFile } = loopbackCertificate();
  const identity = createServer((asked, answer) => {
    const isAllowed = asked.headers["x-identity-header"] === secret;
    answer.writeHead(isAllowed ? 200 : 401, { "content-type": "application/json" });
    const expiresOn = Math.floor((Date.now() + DAY_MS) / 1_000);
    answer.end(
      JSON.stringify(isAllowed ? { access_token: token, expires_on: `${expiresOn}`, token_type: "Bearer" } : {}),
    );
  });
  const sas = signature(emulator);
  const blobs = createTlsServer({ key, cert }, (asked, answer) => {
    if (asked.headers.authorization === `Bearer ${token}`) return passOn(asked, answer, emulator.port, sas);
    answer
      .writeHead(401, { "x-ms-request-id": randomUUID(), "x-ms-error-code": "InvalidAuthenticationInfo" })
      .end(REFUSAL);
  });
  const [identityPort, blobPort] = [await listening(identity), await listening(blobs)];
  return {
    env: {
      // As App Service tells an app of its managed identity.
      IDENTITY_ENDPOINT: `http://127.0.0.1:${identityPort}/token`,
      IDENTITY_HEADER: secret,
      NODE_EXTRA_CA_CERTS: certificateFile,
      DENO_CERT: certificateFile,
      MATRIX_BLOB_ENDPOINT: `https://127.0.0.1:${blobPort}/${emulator.accountName}`,
    },
    async [Symbol.asyncDispose]() {
      for (const server of [identity, blobs]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

function signature({ accountName, accountKey }: Emulator): string {
  const now = Date.now();
  return generateAccountSASQueryParameters(
    {
      permissions: AccountSASPermissions.parse("rwdlac"),
      services: AccountSASServices.parse("b").toString(),
      resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
      startsOn: new Date(now - DAY_MS),
      expiresOn: new Date(now + DAY_MS),
    },
    new StorageSharedKeyCredential(accountName, accountKey),
  ).toString();
}

function passOn(asked: IncomingMessage, answer: ServerResponse, port: number, sas: string): void {
  const { authorization, host, ...headers } = asked.headers;
  const path = `${asked.url}${asked.url?.includes("?") ? "&" : "?"}${sas}`;
  const sent = request({ host: "127.0.0.1", port, method: asked.method, path, headers }, (received) => {
    answer.writeHead(received.statusCode ?? 500, received.headers);
    received.pipe(answer);
  });
  sent.on("error", () => answer.destroy());
  asked.pipe(sent);
}

async function listening(server: Server | ReturnType<typeof createTlsServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
