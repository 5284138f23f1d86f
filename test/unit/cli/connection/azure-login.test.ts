import {
  AggregateAuthenticationError,
  AuthenticationError,
  AuthenticationRequiredError,
  CredentialUnavailableError,
} from "@azure/identity";
import { describe, expect, it } from "vitest";
import { AzureLogin } from "../../../../src/cli/connection/azure-login.ts";

const token = (text: string) => ({ token: text, expiresOnTimestamp: 4e12 });

/** Hands out tokens, and remembers with what it was asked. */
function credential(...tokens: string[]) {
  const asked: unknown[] = [];
  return {
    asked,
    async getToken(_scopes: string | string[], options?: object) {
      asked.push(options);
      return token(tokens[asked.length - 1] ?? "last");
    },
  };
}

const failing = (error: unknown) => ({ getToken: () => Promise.reject(error) });
const refusalOf = (error: unknown) =>
  new AzureLogin().open(failing(error), { verbose: false }).catch((thrown: unknown) => thrown);

describe("a login to Azure", () => {
  it("is made before it is needed, and not again when it is", async () => {
    const login = new AzureLogin();
    const source = credential("first", "second");
    await login.open(source, { verbose: false });
    expect(source.asked).toHaveLength(1);
    expect(await login.getToken("scope")).toEqual(token("first"));
    expect(source.asked).toHaveLength(1);
    expect(await login.getToken("scope")).toEqual(token("second"));
  });

  it("answers a challenge with a new token", async () => {
    const login = new AzureLogin();
    await login.open(credential("first", "second"), { verbose: false });
    expect(await login.getToken("scope", { claims: "c" })).toEqual(token("second"));
  });

  it("that was not made is not a dump of all that was tried", async () => {
    const unavailable = new CredentialUnavailableError("Azure CLI could not be found.\nReally.");
    for (const error of [unavailable, new AggregateAuthenticationError([unavailable, unavailable])]) {
      expect(await refusalOf(error)).toMatchObject({
        exitCode: 77,
        message: expect.stringMatching(/^not logged in to Azure: log in with az login, [^\n]+$/),
      });
    }
  });

  it("that was not made fails again when a token is asked for, at once and in the same words", async () => {
    const login = new AzureLogin();
    const unavailable = new CredentialUnavailableError("Azure CLI could not be found.\nReally.");
    const refused = await login.open(failing(unavailable), { verbose: false }).catch((thrown: unknown) => thrown);
    const { message } = refused as Error;
    await expect(login.getToken("scope")).rejects.toMatchObject({ name: "CredentialUnavailableError", message });
  });

  it("that has run out is told by Entra's number", async () => {
    const expired = new CredentialUnavailableError("ERROR: AADSTS700082: The refresh token has expired.\nTrace ID: 1");
    expect(
      await refusalOf(new AggregateAuthenticationError([expired], "all failed.\nAADSTS700082: expired")),
    ).toMatchObject({
      exitCode: 77,
      message: expect.stringMatching(/^not logged in to Azure \(AADSTS700082\): log in/),
    });
  });

  it("that is refused says which, and what to look at", async () => {
    const description = "AADSTS7000215: Invalid client secret provided: canary";
    const refused = new AuthenticationError(401, { error: "invalid_client", error_description: description });
    refused.message = `ClientSecretCredential authentication failed. ${description}\nTrace ID: 1`;
    expect(await refusalOf(refused)).toMatchObject({
      exitCode: 77,
      message: expect.stringMatching(
        /^Azure refused the login \(ClientSecretCredential: AADSTS7000215\): check AZURE_CLIENT_ID[^\n]+$/,
      ),
    });
  });

  it("that the network keeps from being made counts as unreachable", async () => {
    const refused = new AuthenticationError(400, { error: "x", error_description: "y" });
    refused.message =
      "EnvironmentCredential authentication failed. Status code: 400\nMore details:\nnetwork_error: See https://aka.ms";
    expect(await refusalOf(refused)).toMatchObject({
      exitCode: 69,
      message: "no answer to the login to Azure (EnvironmentCredential: network_error)",
    });
  });

  it("that one of several ways could not make for the moment counts as unreachable, too", async () => {
    const notSetUp = new CredentialUnavailableError("EnvironmentCredential is unavailable.");
    const busy = new AuthenticationRequiredError({ scopes: [], message: 'Response had no "expiresOn" property.' });
    const failed = new AggregateAuthenticationError([notSetUp, busy], "ChainedTokenCredential authentication failed.");
    expect(await refusalOf(failed)).toMatchObject({
      exitCode: 69,
      message: 'no answer to the login to Azure (ChainedTokenCredential: no "expiresOn" property)',
    });
  });
});
