import { describe, expect, it } from "vitest";
import { identityOf, identityText } from "../../../../src/cli/connection/identity.ts";
import type { MutexOptions } from "../../../../src/index.ts";

const ALL = {
  AZURE_STORAGE_CONNECTION_STRING: "canary",
  AZURE_STORAGE_ACCOUNT: "acme",
  AZURE_STORAGE_KEY: "canary",
  AZURE_STORAGE_SAS_TOKEN: "canary",
};
const credential = { getToken: async () => null };

describe("the identity that a command takes", () => {
  it.each<[MutexOptions, NodeJS.ProcessEnv, string]>([
    [
      { accountName: "acme", accountKey: "canary" },
      { AZURE_STORAGE_ACCOUNT: "acme", AZURE_STORAGE_KEY: "canary" },
      "AZURE_STORAGE_KEY",
    ],
    [
      { connectionString: "canary" },
      ALL,
      "AZURE_STORAGE_CONNECTION_STRING; set as well, and not used: AZURE_STORAGE_KEY, " +
        "AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_ACCOUNT",
    ],
    [
      { connectionString: "canary" },
      { AZURE_STORAGE_CONNECTION_STRING: "canary", AZURE_STORAGE_ACCOUNT: "acme" },
      "AZURE_STORAGE_CONNECTION_STRING; set as well, and not used: AZURE_STORAGE_ACCOUNT",
    ],
    [
      { accountName: "other", accountKey: "canary" },
      ALL,
      "AZURE_STORAGE_KEY; set as well, and not used: AZURE_STORAGE_CONNECTION_STRING, " +
        "AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_ACCOUNT",
    ],
    [
      { sasUrl: "https://acme.blob.core.windows.net/?canary" },
      { AZURE_STORAGE_ACCOUNT: "acme", AZURE_STORAGE_SAS_TOKEN: "canary" },
      "AZURE_STORAGE_SAS_TOKEN",
    ],
    [
      { accountName: "acme", credential },
      { AZURE_STORAGE_ACCOUNT: "acme", AZURE_STORAGE_CONNECTION_STRING: "canary", AZURE_STORAGE_KEY: "" },
      "the login to Azure; set as well, and not used: AZURE_STORAGE_CONNECTION_STRING",
    ],
    [{ useStorageEmulator: true }, {}, "--emulator"],
  ])("is said, with what else the environment has, and no value: %#", (where, env, text) => {
    expect(identityText(identityOf(where, env))).toBe(`signed in with ${text}`);
    expect(identityText(identityOf(where, env))).not.toContain("canary");
  });
});
