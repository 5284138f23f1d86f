import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { type Certificate, certificateFor } from "../../lab/shared/certificate.ts";
import { Cli } from "../support/cli.ts";
import { CommandProcess } from "../support/command-lines.ts";
import { gate } from "../support/gate.ts";

const KEY = Buffer.from("a key of no account").toString("base64");
const folder = mkdtempSync(join(tmpdir(), "azmutex-certificates-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An authority of the test's own, which the command is told to trust. */
const root = { name: "root.example", ...certificateFor("root.example") };
const NODE_EXTRA_CA_CERTS = join(folder, "root.pem");
writeFileSync(NODE_EXTRA_CA_CERTS, root.cert);

const commands = new CommandProcess({ NODE_EXTRA_CA_CERTS });
afterAll(() => commands[Symbol.dispose]());

async function listening(test: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.onTestFinished(() => {
    server.close();
    if ("closeAllConnections" in server) (server as ReturnType<typeof createHttpServer>).closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A web server that is not the service: it has this to say whatever it is asked. */
const answering = (test: TestContext, answer: (response: ServerResponse) => void): Promise<number> =>
  listening(
    test,
    createHttpServer((request, response) => {
      request.resume();
      answer(response);
    }),
  );

const page = (status: number, title: string) => (response: ServerResponse) =>
  response
    .writeHead(status, { "content-type": "text/html" })
    .end(`<html><head><title>${title}</title></head><body>No.</body></html>`);

/** How a command ends, and the one line it says, that is asked to look into a container there. */
async function said(
  test: TestContext,
  endpoint: string,
  args: readonly string[] = ["ls"],
): Promise<readonly [number | null, string]> {
  const env = { AZURE_STORAGE_ACCOUNT: "acme", AZURE_STORAGE_KEY: KEY, NODE_EXTRA_CA_CERTS };
  const [command = "", ...others] = args;
  const line = [command, "--endpoint", endpoint, ...others];
  // What a run may hold it gives back after its last line.
  const ended = command === "run" ? new Cli(test, line, { env }).ended : commands.run({ args: line, env });
  const { code, out, err } = await ended;
  expect(out).toBe("");
  expect(err).toMatch(/^azmutex: .*\n$/);
  return [code, err.slice("azmutex: ".length, -1)];
}

describe.concurrent("a command that gets no answer says from where, and why", () => {
  it("where nothing listens", async (test) => {
    expect(await said(test, "http://127.0.0.1:1/acme", ["status", "k"])).toEqual([
      69,
      // Of its two requests, which go out together, the one that failed first.
      expect.stringMatching(
        new RegExp(
          String.raw`^could not (?:read "k"|list ".*") in 127\.0\.0\.1:1/acme/locks: no answer from ` +
            String.raw`127\.0\.0\.1:1: ECONNREFUSED \(nothing listens there: does the emulator run\?\)$`,
        ),
      ),
    ]);
  });

  it("where there is no such name", async (test) => {
    const [code, line] = await said(test, "https://acme.invalid");
    expect(code).toBe(69);
    // Without a network there is no DNS that could say so.
    expect(line).toMatch(
      new RegExp(
        String.raw`^could not list in acme\.invalid/locks: no answer from acme\.invalid: (?:ENOTFOUND \(is ` +
          String.raw`the host's name right\?\)|EAI_AGAIN \(the DNS does not answer\))$`,
      ),
    );
  });

  it("where the answer does not come", async (test) => {
    const port = await listening(test, createTcpServer());
    expect(await said(test, `http://127.0.0.1:${port}/acme`)).toEqual([
      69,
      `no answer to list from 127.0.0.1:${port} within 3000 ms`,
    ]);
  });

  it("where the connection is cut", async (test) => {
    const port = await listening(
      test,
      createTcpServer((socket) => void socket.on("data", () => socket.resetAndDestroy())),
    );
    const [code, line] = await said(test, `http://127.0.0.1:${port}/acme`);
    expect([code, line]).toEqual([
      69,
      expect.stringMatching(/: no answer from 127\.0\.0\.1:\d+: ECONNRESET.* \(the connection was cut\)$/),
    ]);
  });

  it("where it is no TLS", async (test) => {
    const port = await answering(test, page(200, "plain"));
    const [code, line] = await said(test, `https://127.0.0.1:${port}/acme`);
    expect([code, line]).toEqual([
      69,
      expect.stringMatching(/: no answer from 127\.0\.0\.1:\d+: E\w+ .*\(it does not speak TLS there\)$/),
    ]);
  });

  it.for<readonly [string, () => Certificate, RegExp]>([
    [
      "of a signer that is not known",
      () => certificateFor("localhost"),
      new RegExp(
        String.raw`: DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate \(this machine does not know who ` +
          String.raw`signed its certificate; NODE_EXTRA_CA_CERTS names further authorities\)$`,
      ),
    ],
    [
      "that has expired",
      () =>
        certificateFor("localhost", {
          issuer: root,
          validFrom: new Date("2020-01-01"),
          validTo: new Date("2021-01-01"),
        }),
      /: CERT_HAS_EXPIRED: certificate has expired \(is this machine's clock right\?\)$/,
    ],
    [
      "of another host",
      () => certificateFor("other.example", { issuer: root }),
      /: ERR_TLS_CERT_ALTNAME_INVALID: .*localhost.*DNS:other\.example \(another machine answers under this name\)$/,
    ],
  ])("where the certificate is one %s", async ([, certificate, why], test) => {
    const port = await listening(
      test,
      createHttpsServer(certificate(), (_request, response) => response.end()),
    );
    const [code, line] = await said(test, `https://localhost:${port}/acme`);
    expect(code).toBe(69);
    expect(line).toContain(`could not list in localhost:${port}/acme/locks: no answer from localhost:${port}: `);
    expect(line).toMatch(why);
  });

  it("and finds nothing wrong with a certificate that is right", async (test) => {
    const port = await listening(
      test,
      createHttpsServer(certificateFor("localhost", { issuer: root }), (_request, response) =>
        response.writeHead(502).end(),
      ),
    );
    const [, line] = await said(test, `https://localhost:${port}/acme`);
    expect(line).toBe(
      `could not list in localhost:${port}/acme/locks: a proxy or gateway answered instead of localhost:${port}: 502`,
    );
  });

  it.for([407, 403, 502])("where a proxy answers with %i and a page", async (status, test) => {
    const port = await answering(test, page(status, "Blocked &amp; logged"));
    expect(await said(test, `http://127.0.0.1:${port}/acme`)).toEqual([
      69,
      `could not list in 127.0.0.1:${port}/acme/locks: a proxy or gateway answered instead of ` +
        `127.0.0.1:${port}: ${status} "Blocked & logged"`,
    ]);
  });

  it.for([["ls"], ["run", "k", "--try", "--", "true"]])(
    "where a login page takes the place of every answer: %j",
    async (args, test) => {
      const port = await answering(test, page(200, "Log in"));
      const [code, line] = await said(test, `http://127.0.0.1:${port}/acme`, args);
      expect(code).toBe(69);
      expect(line).toMatch(/: a proxy or gateway answered(?: instead of 127\.0\.0\.1:\d+)?: 200 "Log in"/);
    },
  );

  it("where it waits for a lock", async (test) => {
    const port = await answering(test, page(407, "Proxy Authentication Required"));
    const args = ["run", "k", "--timeout", "10s", "--", "true"];
    expect(await said(test, `http://127.0.0.1:${port}/acme`, args)).toEqual([
      69,
      expect.stringMatching(
        new RegExp(
          String.raw`^lock on "k" in \S+/locks was not free within 10s, and 127\.0\.0\.1:\d+ does not answer: a ` +
            'proxy or gateway answered: 407 "Proxy Authentication Required"$',
        ),
      ),
    ]);
  });

  it.for(["1ms", "300ms", "1s"])(
    "where it waits for a lock for %s only, not one request having failed by then",
    async (timeout, test) => {
      const silent = await listening(test, createTcpServer());
      const args = ["run", "k", "--timeout", timeout, "--held-exit-code", "0", "--", "true"];
      for (const port of [1, silent]) {
        const [code, line] = await said(test, `http://127.0.0.1:${port}/acme`, args);
        expect([code, line]).toEqual([
          69,
          expect.stringMatching(
            new RegExp(
              `^lock on "k" in \\S+/locks was not free within ${timeout}, and (?:127\\.0\\.0\\.1:${port}|the ` +
                "service) does not answer",
            ),
          ),
        ]);
      }
    },
  );
});

describe.concurrent("a command that is interrupted while the service is silent", () => {
  it.for([["run"], ["elect"]])(
    "says that it gives back what it may hold, and ends at once when asked again: %s",
    async ([command = ""], test) => {
      const env = { AZURE_STORAGE_ACCOUNT: "acme", AZURE_STORAGE_KEY: KEY };
      const accepted = gate();
      const port = await listening(
        test,
        createTcpServer(() => accepted.open()),
      );
      const args = [command, "--endpoint", `http://127.0.0.1:${port}/acme`, "k", "--", "true"];
      const cli = new Cli(test, args, { env });
      await accepted.opened;
      cli.kill("SIGINT");
      await cli.printed(/stopping/);
      cli.kill("SIGINT");
      const { code, signal, err } = await cli.ended;
      const stopping = "azmutex: stopping: gives back what it may hold (up to 5 s); Ctrl-C ends at once";
      expect({ code, signal, lines: err.split("\n").slice(-3) }).toEqual({
        code: null,
        signal: "SIGINT",
        lines: ["azmutex: ended by SIGINT", stopping, ""],
      });
    },
  );
});

describe.concurrent("a command that the service refuses says so in the service's words", () => {
  const service = (test: TestContext, status: number, code: string, message: string): Promise<number> =>
    answering(test, (response) => {
      const body =
        `<?xml version="1.0" ` +
        `encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}\nRequestId:1\nTime:2</Message></Error>`;
      response
        .writeHead(status, { "x-ms-error-code": code, "x-ms-request-id": "1", "content-type": "application/xml" })
        .end(body);
    });

  it.for([["ls"], ["status", "k"], ["run", "k", "--try", "--", "true"]])(
    "with 76 where it does not know the SDK's version of its API: %j",
    async (args, test) => {
      const hint =
        "The API version 2099-01-01 is not supported by Azurite. Please upgrade Azurite to latest version and retry. " +
        'Azurite command line parameter "--skipApiVersionCheck" can skip this error.';
      const port = await service(test, 400, "InvalidHeaderValue", hint);
      const [code, line] = await said(test, `http://127.0.0.1:${port}/acme`, args);
      expect(code).toBe(76);
      expect(line).toMatch(
        /^could not \w+(?: "k")? in 127\.0\.0\.1:\d+\/acme\/locks: the service refused: 400 InvalidHeaderValue/,
      );
      expect(line).toMatch(/\(start Azurite with --skipApiVersionCheck\)$/);
    },
  );

  it("with 77 where it refuses the credentials", async (test) => {
    const port = await service(
      test,
      403,
      "AuthorizationPermissionMismatch",
      "This request is not authorized to do this. Please see.",
    );
    const [code, line] = await said(test, `http://127.0.0.1:${port}/acme`);
    expect(code).toBe(77);
    expect(line).toMatch(
      new RegExp(
        String.raw`^could not list in 127\.0\.0\.1:\d+/acme/locks: the credentials were refused: 403 ` +
          String.raw`AuthorizationPermissionMismatch: This request is not authorized to do this\b`,
      ),
    );
  });
});
