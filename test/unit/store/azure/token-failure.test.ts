import {
  AggregateAuthenticationError,
  AuthenticationError,
  AuthenticationRequiredError,
  CredentialUnavailableError,
} from "@azure/identity";
import { RestError } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { readFailure } from "../../../../src/store/azure/blob-status.ts";
import { errorFor } from "../../../../src/store/azure/request-error.ts";
import { TokenError, type TokenFailureKind, tokenFailureKind } from "../../../../src/store/azure/token-failure.ts";
import { everythingPrinted } from "../../../support/printed.ts";

const required = (message: string) => new AuthenticationRequiredError({ scopes: ["s"], message });
const unavailable = (message: string, cause?: unknown) => new CredentialUnavailableError(message, { cause });
const notSetUp = unavailable("EnvironmentCredential is unavailable. No underlying credential could be used.");
const notLoggedIn = unavailable(
  "Please run 'az login' from a command prompt to authenticate before using this credential.",
);
const wrongSecret = required("invalid_client: Error(s): 7000215 - AADSTS7000215: Invalid client secret provided.");
const noNetwork = required("network_error: See https://aka.ms/msal.js.errors#network_error for details");

describe("a request for a token that failed", () => {
  it.each<[TokenFailureKind, unknown]>([
    ["unsure", noNetwork],
    ["unsure", required('Response had no "expiresOn" property.')],
    ["unsure", required("temporarily_unavailable: AADSTS90033: A transient error has occurred. Please try again.")],
    ["unsure", unavailable("endpoints_resolution_error: See https://aka.ms/msal.js.errors")],
    ["unsure", unavailable("ManagedIdentityCredential: Network unreachable. Message: network_error")],
    ["unsure", unavailable("ManagedIdentityCredential: Authentication failed. Message x", { statusCode: 500 })],
    [
      "unsure",
      unavailable("ManagedIdentityCredential: Authentication failed. Message x", { name: "ServerError", status: 429 }),
    ],
    [
      "unsure",
      unavailable("HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries exceeded with url: /x"),
    ],
    ["unsure", new AuthenticationError(0, "")],
    ["unsure", new AuthenticationError(408, "")],
    ["unsure", new AuthenticationError(429, "")],
    ["unsure", new AuthenticationError(503, "<html>")],
    // What `EnvironmentCredential` makes of every failure.
    [
      "unsure",
      new AuthenticationError(400, { error: "failed", error_description: "network_error: See https://aka.ms" }),
    ],
    ["unsure", new AggregateAuthenticationError([notSetUp, noNetwork, notLoggedIn], "DefaultAzureCredential")],
    ["unsure", new AggregateAuthenticationError([wrongSecret, new AggregateAuthenticationError([noNetwork])])],
    ["unsure", new RestError("getaddrinfo ENOTFOUND login.microsoftonline.com", { code: "ENOTFOUND" })],
    ["unsure", new RestError("no", { statusCode: 502 })],
    ["unsure", new Error("what is this")],
    ["unsure", undefined],
    ["refused", wrongSecret],
    ["refused", new AuthenticationError(401, { error: "invalid_client", error_description: "AADSTS7000215" })],
    ["refused", new AuthenticationError(400, { error: "invalid_grant", error_description: "AADSTS700082: expired" })],
    ["refused", required("interaction_required: AADSTS50076: multi-factor authentication")],
    ["refused", required("Automatic authentication has been disabled. You may call the authentication() method.")],
    ["refused", new RestError("no", { statusCode: 403 })],
    ["refused", new AggregateAuthenticationError([notSetUp, wrongSecret, notLoggedIn])],
    [
      "refused",
      unavailable("ManagedIdentityCredential: Authentication failed.", { errorCode: "invalid_request", message: "x" }),
    ],
    ["unavailable", notSetUp],
    ["unavailable", notLoggedIn],
    ["unavailable", unavailable("Attempted to use the IMDS endpoint, but it is not available.")],
    ["unavailable", new AggregateAuthenticationError([notSetUp, notLoggedIn])],
    ["unavailable", new AggregateAuthenticationError([])],
  ])("is %s: %s", (kind, thrown) => {
    expect(tokenFailureKind(thrown)).toBe(kind);
  });

  it("ends with causes that go round in circles", () => {
    const round = unavailable("x");
    Object.assign(round, { cause: round, errors: [round, round] });
    expect(["unavailable", "unsure"]).toContain(tokenFailureKind(round));
  });

  it("says that it is no answer of the service's, and what each way to sign in said", () => {
    const error = errorFor(
      "acquire",
      "job",
      readFailure(new TokenError("unsure", new AggregateAuthenticationError([notSetUp, noNetwork], "all failed"))),
    );
    expect(error).toMatchObject({
      code: "STORE_UNAVAILABLE",
      answered: false,
      message:
        'could not acquire "job": no token from the credential: AggregateAuthenticationError: all failed: ' +
        "network_error: See https://aka.ms/msal.js.errors#network_error for details",
      cause: {
        message: expect.stringMatching(/^all failed; EnvironmentCredential is unavailable.*; network_error: See/),
      },
    });
    expect(errorFor("acquire", "job", readFailure(wrongSecret))).toMatchObject({
      code: "ACCESS_DENIED",
      message: expect.stringContaining(
        "the credentials were refused: AuthenticationRequiredError: invalid_client: Error(s): 7000215",
      ),
    });
  });

  it("shows no token", () => {
    const token = ["eyJ0eXAiOiJKV1QifQ", "eyJzdWIiOiJDQU5BUlkifQ", "CANARY"].join(".");
    const thrown = new AggregateAuthenticationError([new Error(`bad assertion ${token}`)], `got ${token}\nCANARY`);
    for (const kind of ["refused", "unsure"] as const)
      expect(everythingPrinted(errorFor("acquire", "job", readFailure(new TokenError(kind, thrown))))).not.toMatch(
        /CANARY|eyJ/,
      );
  });
});
