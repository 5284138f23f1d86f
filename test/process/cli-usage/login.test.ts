import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gone } from "../../../lab/shared/processes.ts";
import { Cli } from "../../support/cli.ts";
import { PROJECT } from "../../support/sources.ts";
import { account, end, NEVER_RUN, refusal, STORAGE } from "./storage.ts";

/** The package as it is installed with these beside it, and no others. */
function installed(packages: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "azmutex-installed-"));
  for (const part of ["dist", "package.json"]) cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, "node_modules/@azure"), { recursive: true });
  for (const name of packages) symlinkSync(join(PROJECT, "node_modules", name), join(folder, "node_modules", name));
  return folder;
}

describe.concurrent("a login to Azure", () => {
  /** None of this machine's, not even by the files of a home. */
  const loggedOut = account("acme", { HOME: tmpdir(), PATH: "/nowhere" });
  const HOW_TO =
    "log in with az login, run with a managed or workload identity, or set AZURE_STORAGE_KEY or " +
    "AZURE_STORAGE_SAS_TOKEN (--verbose says what was tried)";

  it("takes a package, and says which", async (test) => {
    const folder = installed(["commander", "@azure/storage-blob"]);
    test.onTestFinished(() => rmSync(folder, { recursive: true }));
    const { code, out, err } = await end(test, ["run", "k", ...NEVER_RUN], {
      cli: join(folder, "dist/cli/main.js"),
      env: loggedOut,
    });
    expect({ code, out, err }).toEqual({
      code: 64,
      out: "",
      err:
        "azmutex: neither AZURE_STORAGE_KEY nor AZURE_STORAGE_SAS_TOKEN is set, and a login to Azure " +
        "takes the package @azure/identity: npm install @azure/identity\n",
    });
  });

  it("is not the only thing that takes a package", async (test) => {
    const folder = installed(["commander"]);
    test.onTestFinished(() => rmSync(folder, { recursive: true }));
    const commands = [["run", "k", ...NEVER_RUN], ["elect", "k", ...NEVER_RUN], ["ls"]];
    const ends = await Promise.all(
      commands.map((args) => end(test, args, { cli: join(folder, "dist/cli/main.js"), env: STORAGE })),
    );
    const err = "azmutex: needs the package @azure/storage-blob: npm install @azure/storage-blob\n";
    expect(ends).toMatchObject(commands.map(() => ({ code: 64, out: "", err })));
  });

  it.for([
    ["run", "k", ...NEVER_RUN],
    ["elect", "k", ...NEVER_RUN],
    ["status", "k"],
  ])(
    "that was not made is missed by %j with 77 and in one line, which is not that of one that does not answer",
    async (args, test) => {
      expect((await refusal(test, args, 77, loggedOut)).text).toBe(`not logged in to Azure: ${HOW_TO}`);
    },
  );

  it.for(["--verbose", "-v"])("says with %s what was tried", async (verbose, test) => {
    const { code, err } = await end(test, ["ls", verbose], { env: loggedOut });
    expect(code).toBe(77);
    expect(err).toContain("azmutex: CredentialUnavailableError: Azure CLI could not be found.");
    expect(err.trimEnd().split("\n").at(-1)).toBe(`azmutex: not logged in to Azure: ${HOW_TO}`);
  });

  it("that does not answer is waited for, but not for ever", async (test) => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    test.onTestFinished(() => void silent.close().closeAllConnections());
    const host = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { text } = await refusal(test, ["run", "k", ...NEVER_RUN], 69, {
      ...loggedOut,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: host,
    });
    expect(text).toBe(`no answer to the login to Azure within 20 s: ${HOW_TO}`);
  });

  it("of a kind that there is not is bad usage", async (test) => {
    const { text } = await refusal(test, ["ls"], 64, { ...loggedOut, AZURE_TOKEN_CREDENTIALS: "nonsense" });
    expect(text).toMatch(
      /^no login to Azure with these variables: Invalid value for AZURE_TOKEN_CREDENTIALS = nonsense\./,
    );
  });
});

describe.concurrent("a defect of azmutex", () => {
  it("ends it with 70 and one line, and the job with it", async (test) => {
    const folder = mkdtempSync(join(tmpdir(), "azmutex-defect-"));
    test.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const now = join(folder, "now");
    const defect = `
      import { existsSync } from "node:fs";
      const look = () => { if (existsSync(process.env.DEFECT)) { throw new TypeError("x is not\\na function"); } };
      setInterval(look, 50).unref();
    `;
    const run = new Cli(test, ["run", "defective", "--", "sh", "-c", "echo $$; exec sleep 600"], {
      env: { ...STORAGE, DEFECT: now },
      through: [process.execPath, "--import", `data:text/javascript,${encodeURIComponent(defect)}`],
    });
    const pid = Number((await run.printed(/^\d+$/m))[0]);
    writeFileSync(now, "");
    const { code, err } = await run.ended;
    expect(code).toBe(70);
    expect(err).toBe(
      "azmutex: internal error, a defect of azmutex that should be reported: TypeError: x is not\\x0aa function\n",
    );
    await gone([pid]);
  });
});
