import { describe, expect, it } from "vitest";
import type { AccessDeniedWhy, MutexError } from "../../../../src/errors.ts";
import { readFailure } from "../../../../src/store/azure/blob-status.ts";
import { errorFor } from "../../../../src/store/azure/request-error.ts";
import type { Operation } from "../../../../src/store/operation.ts";
import { everythingPrinted } from "../../../support/printed.ts";

interface Denied {
  readonly code: string;
  readonly status?: number;
  readonly message?: string;
  readonly detail?: string;
  readonly operation?: Operation;
  readonly date?: Date;
  readonly signedFrom?: number;
  readonly signedUntil?: number;
}

const FAILED = "Server failed to authenticate the request.\nRequestId:1";
const CANARY = "canarysignature0123456789canarysignature";

function denied({ code, status = 403, message = FAILED, detail = "", operation = "acquire", ...facts }: Denied) {
  const { date = new Date(), ...signed } = facts;
  const headers: Record<string, string> = { "x-ms-request-id": "r", "x-ms-error-code": code, date: date.toUTCString() };
  const said = `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail>`;
  const bodyAsText = `<Error><Code>${code}</Code>${said}</Error>`;
  const response = { headers: { get: (name: string) => headers[name] }, bodyAsText };
  const thrown = Object.assign(new Error(message), { name: "RestError", statusCode: status, code, response });
  return errorFor(operation, "job", readFailure(thrown, signed, operation)) as MutexError & { why?: AccessDeniedWhy };
}

const MINUTE = 60_000;

describe("an AccessDeniedError", () => {
  it.each<[AccessDeniedWhy, RegExp, Denied]>([
    ["key", /is the key, or the SAS, right\?/, { code: "AuthenticationFailed" }],
    ["clock", /20 min ahead/, { code: "AuthenticationFailed", date: new Date(Date.now() - 20 * MINUTE) }],
    ["clock", /20 min behind/, { code: "AuthenticationFailed", date: new Date(Date.now() + 20 * MINUTE) }],
    ["sasExpired", /the SAS expired at/, { code: "AuthenticationFailed", signedUntil: Date.now() - MINUTE }],
    // Azurite's code.
    ["sasExpired", /the SAS expired at/, { code: "AuthorizationFailure", signedUntil: Date.now() - MINUTE }],
    ["sasNotYetValid", /not valid before/, { code: "AuthenticationFailed", signedFrom: Date.now() + 5 * MINUTE }],
    ["sasMalformed", /cannot be read/, { code: "AuthenticationFailed", detail: "Signature fields not well formed." }],
    [
      "network",
      /network rules/,
      {
        code: "AuthorizationFailure",
        message: "This request is not authorized to perform this operation.\nRequestId:1",
      },
    ],
    ["right", /the right to write \(w in a SAS\)/, { code: "AuthorizationPermissionMismatch" }],
    ["right", /the right to read \(r in a SAS\)/, { code: "AuthorizationPermissionMismatch", operation: "read" }],
    ["right", /the right to list \(l in a SAS\)/, { code: "AuthorizationPermissionMismatch", operation: "list" }],
    ["right", /the right to delete \(d in a SAS\)/, { code: "AuthorizationPermissionMismatch", operation: "remove" }],
    [
      "right",
      /the right to create containers/,
      { code: "AuthorizationPermissionMismatch", operation: "createContainer" },
    ],
    ["scope", /for another network, protocol/, { code: "AuthorizationSourceIPMismatch" }],
    ["keysOff", /takes no keys/, { code: "KeyBasedAuthenticationNotPermitted" }],
    ["account", /disabled/, { code: "AccountIsDisabled" }],
    ["token", /another tenant/, { code: "InvalidAuthenticationInfo", status: 401 }],
  ])("says %s, in words that match %s", (why, words, given) => {
    const error = denied(given);
    expect([error.code, error.why]).toEqual(["ACCESS_DENIED", why]);
    expect(error.message).toMatch(words);
    expect(error.message).toMatch(/; azmutex doctor says more$/);
  });

  it("does not say why where the answer does not: the answer to a HEAD has no body", () => {
    const error = denied({ code: "AuthorizationFailure", message: "AuthorizationFailure" });
    expect([error.code, error.why]).toEqual(["ACCESS_DENIED", undefined]);
  });

  it("shows nothing of the detail, which quotes the signature", () => {
    const detail = `The MAC signature found in the HTTP request '${CANARY}' is not the same as any computed signature.`;
    const error = denied({ code: "AuthenticationFailed", detail });
    expect(error.why).toBe("key");
    expect(everythingPrinted(error)).not.toMatch(/canary/i);
  });
});
