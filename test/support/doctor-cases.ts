import type { Answer, AnyOperation, Asked, Serve, ServiceDouble } from "./service-double.ts";

/** What is done to a request, and its answer. `count` says which one it is. */
export type Play = (serve: Serve, asked: Asked, double: ServiceDouble, count: number) => Promise<Answer>;

/** One account, network or machine that is not as it should be, and what a diagnosis has to say of it. */
export interface DoctorCase {
  /** What is wrong, as the table in docs/doctor.md has it. */
  readonly what: string;
  /** The findings, and no others. */
  readonly finds: readonly string[];
  readonly exitCode: 0 | 1 | 69 | 77;
  /** What is done to requests and answers. */
  readonly play?: Play | undefined;
  readonly isContainerMissing?: boolean;
  /** The query of the SAS that the client signs with. Default: a key. */
  readonly sas?: string;
  /** What the credential throws when it is asked for a token. Default: a key signs. */
  readonly loginFailure?: Error;
  /** How far the service's clock is ahead of this machine's. Default: 0. */
  readonly aheadMs?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CANARY = "canarysignature0123456789canarysignature";

/** A SAS from and until so many milliseconds from now. */
const sas = (fromMs: number, untilMs: number): string =>
  new URLSearchParams({
    sv: "2026-02-06",
    ss: "b",
    srt: "co",
    sp: "rwdlc",
    st: new Date(Date.now() + fromMs).toISOString(),
    se: new Date(Date.now() + untilMs).toISOString(),
    sig: CANARY,
  }).toString();

function refusal(status: number, code: string, message = "refused", detail = "", more: object = {}): Answer {
  const date = new Date().toUTCString();
  return {
    status,
    headers: { date, "x-ms-request-id": "double", "x-ms-error-code": code, "content-type": "application/xml", ...more },
    body:
      `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message>` +
      `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail></Error>`,
  };
}

const FAILED = "Server failed to authenticate the request.";
const always =
  (answer: () => Answer): Play =>
  async () =>
    answer();
const network =
  (code: string, message = code): Play =>
  () =>
    Promise.reject(Object.assign(new Error(message), { name: "RestError", code }));

/** The rights that requests take, as Azure asks for them. */
const without =
  (...operations: readonly AnyOperation[]): Play =>
  async (serve, { operation }) =>
    operations.includes(operation)
      ? refusal(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
      : serve();

const WRITING: readonly AnyOperation[] = ["acquire", "renew", "change", "release", "break", "create", "write", "put"];

/** Replaces headers of the answers to some requests; an empty one is taken away. */
const headers =
  (operations: readonly AnyOperation[] | "all", replaced: (answer: Answer) => Readonly<Record<string, string>>): Play =>
  async (serve, { operation }) => {
    const answer = await serve();
    if (operations !== "all" && !operations.includes(operation)) return answer;
    const entries = Object.entries({ ...answer.headers, ...replaced(answer) }).filter(([, value]) => value !== "");
    return { ...answer, headers: Object.fromEntries(entries) };
  };

/** The present stamp of a blob, in headers. */
async function stampOf({ memory }: ServiceDouble, name: string): Promise<Record<string, string>> {
  const read = await memory.read(name);
  if (read.kind === "missing") return {};
  return { etag: read.blob.etag, "last-modified": new Date(read.blob.lastModified).toUTCString() };
}

/** Answers as if it were done what the service refuses. */
const lies =
  (operations: readonly AnyOperation[], status: number): Play =>
  async (serve, asked, double) => {
    const answer = await serve();
    if (!operations.includes(asked.operation) || answer.status < 400 || answer.status === 404) return answer;
    const { "x-ms-error-code": _, ...rest } = answer.headers;
    const leaseId = asked.leaseId === undefined ? {} : { "x-ms-lease-id": asked.leaseId };
    return { status, headers: { ...rest, ...leaseId, ...(await stampOf(double, asked.name)) } };
  };

/** Every so many requests something happens in place of the answer. */
const every =
  (nth: number, trouble: () => Promise<Answer>): Play =>
  (serve, _, __, count) =>
    count % nth === 0 ? trouble() : serve();

export const DOCTOR_CASES: readonly DoctorCase[] = [
  { what: "an account on which all is well", finds: [], exitCode: 0 },
  // Way in
  { what: "the name of the account does not exist", finds: ["no-name"], exitCode: 69, play: network("ENOTFOUND") },
  { what: "nothing listens at the endpoint", finds: ["no-connection"], exitCode: 69, play: network("ECONNREFUSED") },
  {
    what: "TLS with an authority that is not known",
    finds: ["tls-unknown-authority"],
    exitCode: 69,
    play: network("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"),
  },
  {
    what: "a certificate that has expired",
    finds: ["tls-failed"],
    exitCode: 69,
    play: network("CERT_HAS_EXPIRED", "certificate has expired"),
  },
  {
    what: "a captive portal that answers 200 with HTML",
    finds: ["not-the-service"],
    exitCode: 69,
    play: always(() => ({ status: 200, headers: { "content-type": "text/html" }, body: "<title>Log in</title>" })),
  },
  {
    what: "a proxy that strips the service's headers",
    finds: ["not-the-service"],
    exitCode: 69,
    play: async (serve) => {
      const answer = await serve();
      const kept = Object.entries(answer.headers).filter(([name]) => !name.startsWith("x-ms-"));
      return { ...answer, headers: Object.fromEntries(kept) };
    },
  },
  { what: "a firewall that drops", finds: ["no-answer"], exitCode: 69, play: () => new Promise(() => undefined) },
  {
    what: "a service that answers 503 and no more",
    finds: ["service-fails"],
    exitCode: 69,
    play: always(() => refusal(503, "ServerBusy")),
  },
  { what: "answers without Date", finds: ["no-date"], exitCode: 69, play: headers("all", () => ({ date: "" })) },
  {
    what: "a service older than the SDK",
    finds: ["api-version"],
    exitCode: 1,
    play: always(() => refusal(400, "InvalidHeaderValue", "The API version is not supported.")),
  },
  {
    what: "a wrong key",
    finds: ["wrong-key"],
    exitCode: 77,
    play: always(() => refusal(403, "AuthenticationFailed", FAILED, `The MAC signature '${CANARY}' is not the same.`)),
  },
  {
    what: "this machine's clock 20 min ahead",
    finds: ["clock-off"],
    exitCode: 77,
    play: always(() =>
      refusal(403, "AuthenticationFailed", FAILED, "Request date header too old", {
        date: new Date(Date.now() - 20 * MINUTE_MS).toUTCString(),
      }),
    ),
  },
  {
    what: "this machine's clock 20 min behind",
    finds: ["clock-off"],
    exitCode: 77,
    play: always(() =>
      refusal(403, "AuthenticationFailed", FAILED, "", { date: new Date(Date.now() + 20 * MINUTE_MS).toUTCString() }),
    ),
  },
  {
    what: "a SAS that has expired",
    finds: ["sas-expired"],
    exitCode: 77,
    sas: sas(-2 * HOUR_MS, -HOUR_MS),
    play: always(() => refusal(403, "AuthenticationFailed", FAILED)),
  },
  {
    what: "a SAS of the future",
    finds: ["sas-not-yet-valid"],
    exitCode: 77,
    sas: sas(5 * MINUTE_MS, 48 * HOUR_MS),
    play: always(() => refusal(403, "AuthenticationFailed", FAILED)),
  },
  {
    what: "a SAS of which a part is missing",
    finds: ["sas-malformed"],
    exitCode: 77,
    sas: sas(-HOUR_MS, 48 * HOUR_MS),
    play: always(() => refusal(403, "AuthenticationFailed", FAILED, "Signature fields not well formed.")),
  },
  {
    what: "a SAS for another network",
    finds: ["sas-scope"],
    exitCode: 77,
    sas: sas(-HOUR_MS, 48 * HOUR_MS),
    play: always(() => refusal(403, "AuthorizationSourceIPMismatch", "This request is not authorized.")),
  },
  {
    what: "a SAS that ends within a day",
    finds: ["sas-expires-soon"],
    exitCode: 1,
    sas: sas(-HOUR_MS, HOUR_MS),
  },
  {
    what: "network rules that do not let in",
    finds: ["network-rules"],
    exitCode: 77,
    play: always(() =>
      refusal(403, "AuthorizationFailure", "This request is not authorized to perform this operation."),
    ),
  },
  {
    what: "an account that takes no keys",
    finds: ["keys-off"],
    exitCode: 77,
    play: always(() => refusal(403, "KeyBasedAuthenticationNotPermitted")),
  },
  {
    what: "an account that is disabled",
    finds: ["account-disabled"],
    exitCode: 77,
    play: always(() => refusal(403, "AccountIsDisabled")),
  },
  {
    what: "a token of another tenant",
    finds: ["token-refused"],
    exitCode: 77,
    play: always(() => refusal(401, "InvalidAuthenticationInfo", "Issuer validation failed.")),
  },
  {
    what: "no login: the credential gives no token",
    finds: ["login-failed"],
    exitCode: 77,
    loginFailure: Object.assign(new Error("Please run 'az login'."), { name: "CredentialUnavailableError" }),
  },
  {
    what: "a secret of the login that Entra ID refuses",
    finds: ["login-failed"],
    exitCode: 77,
    loginFailure: Object.assign(new Error("AADSTS7000215: Invalid client secret."), { name: "AuthenticationError" }),
  },
  {
    what: "an Entra ID that does not answer",
    finds: ["login-unanswered"],
    exitCode: 69,
    loginFailure: Object.assign(new Error("network_error: Network request failed"), { name: "AuthenticationError" }),
  },
  {
    what: "a container that does not exist, and may be made",
    finds: ["container-missing"],
    exitCode: 1,
    isContainerMissing: true,
  },
  {
    what: "a container that does not exist, and may not be made",
    finds: ["right-create-container"],
    exitCode: 77,
    isContainerMissing: true,
    play: without("create the container"),
  },
  {
    what: "a container that is being deleted",
    finds: ["container-being-deleted"],
    exitCode: 69,
    play: always(() => refusal(409, "ContainerBeingDeleted")),
  },
  // Permissions
  { what: "without the right to write", finds: ["right-write"], exitCode: 1, play: without(...WRITING) },
  { what: "without the right to read", finds: ["right-read"], exitCode: 1, play: without("read") },
  { what: "without the right to list", finds: ["right-list"], exitCode: 1, play: without("list") },
  { what: "without the right to delete", finds: ["right-delete"], exitCode: 1, play: without("remove") },
  { what: "without the right to make containers", finds: [], exitCode: 0, play: without("create the container") },
  // Conditions
  {
    what: "`If-None-Match` is ignored",
    finds: ["create-over-existing"],
    exitCode: 1,
    play: lies(["create"], 201),
  },
  {
    what: "`If-Match` is ignored",
    finds: ["stale-if-match"],
    exitCode: 1,
    play: async (serve, { operation, name }, { memory }) => {
      if (operation !== "write") return serve();
      const read = await memory.read(name);
      return read.kind === "found" ? serve({ "if-match": read.blob.etag }) : serve();
    },
  },
  {
    what: "writes without the lease are done",
    finds: ["write-without-lease"],
    exitCode: 1,
    play: async (serve, asked, double) =>
      asked.operation === "write" && asked.leaseId === undefined
        ? lies(["write"], 200)(serve, asked, double, 0)
        : serve(),
  },
  {
    what: "writes under another's lease are done",
    finds: ["write-with-foreign-lease"],
    exitCode: 1,
    play: async (serve, asked, double) => {
      const answer = await serve();
      const isForeign = answer.headers["x-ms-error-code"]?.startsWith("LeaseIdMismatch");
      if (asked.operation !== "write" || !isForeign) return answer;
      return {
        status: 200,
        headers: { ...answer.headers, "x-ms-error-code": "", ...(await stampOf(double, asked.name)) },
      };
    },
  },
  {
    what: "a lease that stands is granted to another",
    finds: ["second-acquire"],
    exitCode: 1,
    play: async (serve, asked, double) => {
      const answer = await serve();
      if (answer.headers["x-ms-error-code"] !== "LeaseAlreadyPresent") return answer;
      const read = await double.memory.read(asked.name);
      if (read.kind === "found" && read.blob.leaseState === "breaking") return answer;
      const granted = { "x-ms-error-code": "", "x-ms-lease-id": asked.leaseId ?? "" };
      return { status: 201, headers: { ...answer.headers, ...granted, ...(await stampOf(double, asked.name)) } };
    },
  },
  {
    what: "a repeated acquire is refused",
    finds: ["own-acquire"],
    exitCode: 1,
    play: async (serve, { operation, name }, { memory }) => {
      if (operation !== "acquire") return serve();
      const read = await memory.read(name);
      const isLeased = read.kind === "found" && read.blob.leaseState === "leased";
      return isLeased ? refusal(409, "LeaseAlreadyPresent") : serve();
    },
  },
  {
    what: "renewals of dead leases are granted",
    finds: ["dead-renewal"],
    exitCode: 1,
    play: async (serve, asked, double) => {
      const isCapital = asked.leaseId !== asked.leaseId?.toLowerCase();
      return isCapital ? serve() : lies(["renew"], 200)(serve, asked, double, 0);
    },
  },
  {
    what: "after Change the old id still releases",
    finds: ["change-fences"],
    exitCode: 1,
    play: lies(["release"], 200),
  },
  {
    what: "a break frees at once, whatever its period",
    finds: ["break-period"],
    exitCode: 1,
    play: async (serve, { operation }) => {
      const answer = await serve();
      if (operation !== "break" || answer.status !== 202) return answer;
      await serve({ "x-ms-lease-break-period": "0" });
      return answer;
    },
  },
  {
    what: "lease operations change the ETag",
    finds: ["lease-changes-etag"],
    exitCode: 1,
    play: headers(["acquire", "renew"], ({ headers: { etag = "" } }) => ({
      etag: etag === "" ? "" : etag.replace(/"$/, 'L"'),
    })),
  },
  // Clocks
  { what: "this machine's clock 3 min behind", finds: ["machine-clock"], exitCode: 1, aheadMs: 3 * MINUTE_MS },
  {
    what: "front ends whose clocks are 5 s apart",
    finds: ["dates-disagree"],
    exitCode: 1,
    play: async (serve, asked, _, count) => {
      const answer = await serve();
      const { date = "" } = answer.headers;
      const shiftedMs = asked.operation === "read" && count % 2 === 0 ? 5_000 : 0;
      return { ...answer, headers: { ...answer.headers, date: new Date(Date.parse(date) + shiftedMs).toUTCString() } };
    },
  },
  {
    what: "blobs that are dated ahead of the answers",
    finds: ["last-modified-ahead"],
    exitCode: 1,
    play: headers("all", ({ headers: found }) => {
      const stamp = found["last-modified"];
      return stamp === undefined ? {} : { "last-modified": new Date(Date.parse(stamp) + 4_000).toUTCString() };
    }),
  },
  // Account
  {
    what: "blob versioning",
    finds: ["versioning"],
    exitCode: 1,
    play: headers(["write", "put", "create"], () => ({ "x-ms-version-id": "2026-11-30T10:00:00.0000000Z" })),
  },
  {
    what: "soft delete of blobs",
    finds: ["soft-delete"],
    exitCode: 1,
    play: headers(["remove"], () => ({ "x-ms-delete-type-permanent": "false" })),
  },
  {
    what: "a policy of immutability",
    finds: ["immutable"],
    exitCode: 1,
    play: async (serve, asked, double) => {
      const isMade = (await double.memory.read(asked.name)).kind === "found";
      const isForbidden = isMade && ["write", "put", "remove"].includes(asked.operation);
      return isForbidden ? refusal(409, "BlobImmutableDueToPolicy", "The blob is immutable due to a policy.") : serve();
    },
  },
  {
    what: "a legal hold",
    finds: ["legal-hold"],
    exitCode: 1,
    play: async (serve, asked, double) => {
      const isMade = (await double.memory.read(asked.name)).kind === "found";
      const isForbidden = isMade && ["write", "put", "remove"].includes(asked.operation);
      return isForbidden ? refusal(409, "BlobImmutableDueToLegalHold", "The blob is under a legal hold.") : serve();
    },
  },
  {
    what: "a container that says it has a legal hold",
    finds: ["legal-hold"],
    exitCode: 1,
    play: headers(["read the container"], ({ status }) => (status === 200 ? { "x-ms-has-legal-hold": "true" } : {})),
  },
  {
    what: "a hierarchical namespace",
    finds: ["hierarchical-namespace"],
    exitCode: 1,
    play: headers(["read the account"], () => ({ "x-ms-is-hns-enabled": "true" })),
  },
  {
    what: "a change feed",
    finds: ["change-feed"],
    exitCode: 1,
    play: async (serve, { operation, url }) =>
      operation === "read the container" && url.includes("changefeed")
        ? { status: 200, headers: { "x-ms-request-id": "double", date: new Date().toUTCString() } }
        : serve(),
  },
  // Speed
  {
    what: "a slow service",
    finds: ["slow"],
    exitCode: 1,
  },
  {
    what: "a network that loses every seventh request",
    finds: ["unanswered"],
    exitCode: 1,
    play: every(7, () => Promise.reject(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }))),
  },
  {
    what: "throttling: 503 with Retry-After",
    finds: ["throttled"],
    exitCode: 1,
    play: every(9, async () => refusal(503, "ServerBusy", "The server is busy.", "", { "retry-after": "1" })),
  },
];
