import {
  AnonymousCredential,
  ContainerClient,
  type HttpOperationResponse,
  type StorageRetryOptions,
  type WebResource,
} from "@azure/storage-blob";
import { isMutexError } from "../../src/errors.ts";
import type { TokenCredentialLike } from "../../src/store/azure/token-source.ts";
import type { LeaseLength, Missing, Refused, StoredBlob } from "../../src/store/lease-store.ts";
import { MemoryLeaseStore } from "../../src/testing/index.ts";
import { unlessAborted } from "../../src/time/abort.ts";
import { type Clock, sleep } from "../../src/time/clock.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Operation =
  | "acquire"
  | "renew"
  | "change"
  | "release"
  | "break"
  | "create"
  | "read"
  | "write"
  | "remove"
  | "list"
  | "create the container";

/** What no lock asks: Put Blob without a condition, and what concerns container and account. */
export type OtherOperation = "put" | "read the container" | "read the account" | "delete the container";

export type AnyOperation = Operation | OtherOperation;

/** A request as the service sees it. */
export interface Asked {
  readonly operation: AnyOperation;
  /** The blob's name; of a listing, its prefix. */
  readonly name: string;
  readonly leaseId: string | undefined;
  readonly url: string;
  /** When it was sent, by `clock.now()`. */
  readonly at: number;
}

/**
 * What happens on the way between client and service: it may `serve` the request or not, and answer what it likes. What
 * it throws is the network's error; a promise that never settles is a network that is silent.
 */
export type Middleman = (serve: Serve, asked: Asked) => Promise<Answer>;

/** Has the service answer the request, after these headers of it are replaced. */
export type Serve = (headers?: Readonly<Record<string, string>>) => Promise<Answer>;

/** The answers told a client that it has this lease, from a request sent at this time. */
export interface Told {
  readonly name: string;
  readonly leaseId: string;
  readonly at: number;
}

const URL_OF_CONTAINER = "https://acme.blob.core.windows.net/locks";
/** The containers that a diagnosis makes for the contract. */
const FURTHER_CONTAINER = /^azmutex-doctor-/;
/** When the service's clock, and `clock`, stand at 0. */
export const STARTS_AT = Date.UTC(2026, 0, 1);
/** So many to a page, so that listings are continued. */
const PAGE = 3;

export interface ServiceDoubleOptions {
  readonly middleman?: Middleman;
  /** Default: an empty one of its own, without a container. */
  readonly memory?: MemoryLeaseStore;
  /** How long each request takes to arrive. Default: no time. */
  readonly latencyMs?: number;
  /** What the service's clock says when `clock` stands at 0. That of `memory` is its own. */
  readonly startsAt?: number;
}

/**
 * The blob service in front of a `MemoryLeaseStore`, as the SDK sees it over HTTP, without a socket; and what may
 * happen to its answers on the way.
 */
export class ServiceDouble {
  readonly memory: MemoryLeaseStore;
  readonly asked: Asked[] = [];
  readonly told: Told[] = [];
  readonly #others = new Map<string, MemoryLeaseStore>();
  readonly #clock: Clock;
  readonly #middleman: Middleman;
  readonly #latencyMs: number;
  readonly #startsAt: number;

  constructor(clock: Clock, { middleman = (serve) => serve(), latencyMs = 0, ...given }: ServiceDoubleOptions = {}) {
    const { memory, startsAt = STARTS_AT } = given;
    this.#clock = clock;
    this.#startsAt = startsAt;
    this.#middleman = middleman;
    this.#latencyMs = latencyMs;
    this.memory = memory ?? new MemoryLeaseStore({ clock, startsAt });
  }

  /** A client of the real SDK that talks to this service. */
  client(
    url: string = URL_OF_CONTAINER,
    retryOptions: StorageRetryOptions = { maxTries: 1 },
    credential: AnonymousCredential | TokenCredentialLike = new AnonymousCredential(),
  ): ContainerClient {
    const httpClient = { sendRequest: (request: WebResource) => this.send(request) };
    return new ContainerClient(url, credential, { httpClient, retryOptions });
  }

  /** Takes a request as the SDK sends it. */
  async send(request: WebResource): Promise<HttpOperationResponse> {
    const signal = request.abortSignal as AbortSignal | undefined;
    signal?.throwIfAborted();
    const asked = this.#read(request);
    this.asked.push(asked);
    if (this.#latencyMs > 0) await sleep(this.#clock, this.#latencyMs, { signal });
    const answer = await unlessAborted(
      this.#middleman((headers) => this.#serve(request, asked, headers), asked),
      signal,
    );
    this.#note(asked, answer);
    const { status, headers, body } = answer;
    // The SDK takes nothing else of the headers.
    const compatible = { toJson: () => ({ ...headers }) } as unknown as HttpOperationResponse["headers"];
    return { request, status, headers: compatible, ...(body !== undefined && { bodyAsText: body }) };
  }

  #note({ operation, name, leaseId, at }: Asked, { status, headers }: Answer): void {
    const told = headers["x-ms-lease-id"]?.toLowerCase();
    if (operation === "change" && status === 200 && told !== undefined) {
      const granted = this.told.findLast((before) => before.name === name && before.leaseId === leaseId);
      if (granted) this.told.push({ ...granted, leaseId: told });
    }
    const grants = (operation === "acquire" && status === 201) || (operation === "renew" && status === 200);
    if (!grants || leaseId === undefined || told !== leaseId) return;
    this.told.push({ name, leaseId, at });
  }

  #read(request: WebResource): Asked {
    const url = new URL(request.url);
    const name = decodeURIComponent(url.pathname.split("/").slice(2).join("/"));
    const action = request.headers.get("x-ms-lease-action");
    const leaseId = request.headers.get(action === "acquire" ? "x-ms-proposed-lease-id" : "x-ms-lease-id");
    const isConditional = request.headers.get("if-none-match") === "*";
    const operation = operationOf(request.method, url.searchParams, action, isConditional);
    const what = operation === "list" ? (url.searchParams.get("prefix") ?? "") : name;
    return { operation, name: what, leaseId, url: request.url, at: this.#clock.now() };
  }

  async #serve(request: WebResource, asked: Asked, replaced: Readonly<Record<string, string>> = {}): Promise<Answer> {
    for (const [name, value] of Object.entries(replaced)) request.headers.set(name, value);
    try {
      return await this.#does[asked.operation](asked, request);
    } catch (error) {
      if (isMutexError(error) && error.code === "STORE_REFUSED") return this.#refusal("400 InvalidHeaderValue");
      throw error;
    }
  }

  readonly #does: Readonly<Record<AnyOperation, (asked: Asked, request: WebResource) => Promise<Answer>>> = {
    acquire: async (asked, { headers }) => {
      const { name, leaseId = "" } = asked;
      const seconds = Number(headers.get("x-ms-lease-duration"));
      const answer = await this.#memoryOf(asked).acquire(
        name,
        leaseId,
        seconds === -1 ? "infinite" : (seconds as LeaseLength),
      );
      if (answer.kind === "held") return this.#refusal("409 LeaseAlreadyPresent");
      return answer.kind === "missing"
        ? this.#missing(answer)
        : this.#done(201, { "x-ms-lease-id": leaseId, ...stamped(answer) });
    },
    renew: async (asked) => {
      const { name, leaseId = "" } = asked;
      const answer = await this.#memoryOf(asked).renew(name, leaseId);
      return this.#ofLease(answer, 200, {
        "x-ms-lease-id": leaseId,
        ...(answer.kind === "renewed" && stamped(answer)),
      });
    },
    release: async (asked) => {
      const { name, leaseId = "" } = asked;
      return this.#ofLease(await this.#memoryOf(asked).release(name, leaseId), 200);
    },
    change: async (asked, { headers }) => {
      const { name, leaseId = "" } = asked;
      const proposed = headers.get("x-ms-proposed-lease-id") ?? "";
      return this.#ofLease(await this.#memoryOf(asked).change(name, leaseId, proposed), 200, {
        "x-ms-lease-id": proposed,
      });
    },
    break: async (asked, { headers }) => {
      const { name } = asked;
      const period = headers.get("x-ms-lease-break-period");
      const periodSeconds = period === undefined ? undefined : Number(period);
      const answer = await this.#memoryOf(asked).break(name, { periodSeconds, ifMatch: headers.get("if-match") });
      switch (answer.kind) {
        case "breaking":
          return this.#done(202, { "x-ms-lease-time": String(answer.freeInSeconds) });
        case "notLeased":
          return this.#refusal("409 LeaseNotPresentWithLeaseOperation");
        case "unmet":
          return this.#refusal("412 ConditionNotMet");
        case "missing":
          return this.#missing(answer);
      }
    },
    create: async (asked, { headers }) => {
      const { name } = asked;
      const answer = await this.#memoryOf(asked).create(name, metadataIn(headers.toJson({ preserveCase: true })));
      if (answer.kind === "exists") return this.#refusal("409 BlobAlreadyExists");
      return answer.kind === "missing" ? this.#missing(answer) : this.#done(201, stamped(answer));
    },
    read: async (asked) => {
      const { name } = asked;
      const answer = await this.#memoryOf(asked).read(name);
      if (answer.kind === "missing") return { ...this.#missing(answer), body: "" };
      const { blob } = answer;
      const length = { "content-length": blob.hasContent ? "1" : "0" };
      const metadata = Object.entries(blob.metadata).map(([entry, value]) => [`x-ms-meta-${entry}`, value]);
      const lease = {
        "x-ms-lease-state": blob.leaseState,
        ...(blob.infinite && { "x-ms-lease-duration": "infinite" }),
      };
      return this.#done(200, { ...stamped(blob), ...length, ...lease, ...Object.fromEntries(metadata) });
    },
    write: async (asked, request) => {
      const { name, leaseId } = asked;
      const { headers } = request;
      // Without a condition, the rules are those of a Put Blob.
      if (headers.get("if-match") === undefined) {
        const put = await this.#does.put(asked, request);
        return put.status === 201 ? { ...put, status: 200 } : put;
      }
      const metadata = metadataIn(headers.toJson({ preserveCase: true }));
      const answer = await this.#memoryOf(asked).writeMetadata(name, metadata, {
        leaseId,
        ifMatch: headers.get("if-match") ?? "",
      });
      if (answer.kind === "refused") return this.#refusal(answer.status);
      return answer.kind === "unmet" ? this.#refusal("412 ConditionNotMet") : this.#done(200, stamped(answer));
    },
    remove: async (asked) => {
      const { name, leaseId } = asked;
      const answer = await this.#memoryOf(asked).remove(name, { leaseId });
      if (answer.kind === "removed") return this.#done(202);
      return this.#refusal(writeRefusal(answer, leaseId));
    },
    list: async (asked, { url }) => {
      const { name: prefix } = asked;
      if (!(await this.#hasContainer(asked))) return this.#refusal("404 ContainerNotFound");
      const found: StoredBlob[] = [];
      for await (const { key } of this.#memoryOf(asked).list(prefix)) {
        const answer = await this.#memoryOf(asked).read(key, { asWritten: true });
        if (answer.kind === "found") found.push(answer.blob);
      }
      const query = new URL(url).searchParams;
      const from = Number(query.get("marker") ?? 0);
      const page = Math.min(PAGE, Number(query.get("maxresults") ?? PAGE));
      const next = from + page < found.length ? String(from + page) : "";
      const blobs = found.slice(from, from + page).map(blobXml);
      const body =
        `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ` +
        `ServiceEndpoint="https://acme.blob.core.windows.net/" ` +
        `ContainerName="locks"><Prefix>${escaped(prefix)}</Prefix>` +
        `<Blobs>${blobs.join("")}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`;
      return { ...this.#done(200, { "content-type": "application/xml" }), body };
    },
    put: async (asked, { headers }) => {
      const { name, leaseId } = asked;
      const metadata = metadataIn(headers.toJson({ preserveCase: true }));
      const answer = await this.#memoryOf(asked).putBlob(name, { metadata, leaseId });
      return answer.kind === "written"
        ? this.#done(201, stamped(answer))
        : this.#refusal(writeRefusal(answer, leaseId));
    },
    "read the container": async (asked) =>
      (await this.#hasContainer(asked)) ? this.#done(200) : this.#refusal("404 ContainerNotFound"),
    "read the account": async () =>
      this.#done(200, { "x-ms-sku-name": "Standard_ZRS", "x-ms-account-kind": "StorageV2" }),
    "delete the container": async (asked) => {
      await this.#memoryOf(asked).deleteContainer();
      return this.#done(202);
    },
    "create the container": async (asked) => {
      if (await this.#hasContainer(asked)) return this.#refusal("409 ContainerAlreadyExists");
      await this.#memoryOf(asked).createContainer();
      return this.#done(201);
    },
  };

  /** The containers beside the usual one that exist. */
  async furtherContainers(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const [name, memory] of this.#others) {
      const answer = await memory.read("no-blob");
      if (!(answer.kind === "missing" && answer.what === "container")) found.push(name);
    }
    return found;
  }

  /** What the service says where there is no container. */
  missingContainer(): Answer {
    return this.#refusal("404 ContainerNotFound");
  }

  /** The container that a request is to. */
  #memoryOf({ url }: Asked): MemoryLeaseStore {
    const [, name = ""] = new URL(url).pathname.split("/");
    if (!FURTHER_CONTAINER.test(name)) return this.memory;
    const found = this.#others.get(name) ?? new MemoryLeaseStore({ clock: this.#clock, startsAt: this.#now });
    this.#others.set(name, found);
    return found;
  }

  get #now(): number {
    return this.#startsAt + this.#clock.now();
  }

  async #hasContainer(asked: Asked): Promise<boolean> {
    const answer = await this.#memoryOf(asked).read("no-blob");
    return !(answer.kind === "missing" && answer.what === "container");
  }

  #ofLease(
    answer: { readonly kind: string; readonly status?: string },
    status: number,
    headers: Readonly<Record<string, string>> = {},
  ): Answer {
    return answer.status === undefined ? this.#done(status, headers) : this.#refusal(answer.status);
  }

  #missing({ what }: Missing): Answer {
    return this.#refusal(what === "blob" ? "404 BlobNotFound" : "404 ContainerNotFound");
  }

  #refusal(statusAndCode: string): Answer {
    const [status = "", code = ""] = statusAndCode.split(" ");
    const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>refused</Message></Error>`;
    return { ...this.#done(Number(status), { "x-ms-error-code": code, "content-type": "application/xml" }), body };
  }

  #done(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
    const date = new Date(this.#now).toUTCString();
    return { status, headers: { date, "x-ms-request-id": "double", ...headers } };
  }
}

/** A write without a lease id is refused in other words. */
function writeRefusal({ why, status }: Refused, leaseId: string | undefined): string {
  return why === "taken" && leaseId === undefined ? "412 LeaseIdMissing" : status;
}

function operationOf(
  method: string,
  query: URLSearchParams,
  action: string | undefined,
  isConditional: boolean,
): AnyOperation {
  const comp = query.get("comp");
  if (query.get("restype") === "account") return "read the account";
  if (query.get("restype") === "container" && comp !== "list") {
    if (method === "DELETE") return "delete the container";
    return method === "PUT" ? "create the container" : "read the container";
  }
  if (comp === "list") return "list";
  if (comp === "lease") return action as Operation;
  if (comp === "metadata") return "write";
  if (method === "HEAD") return "read";
  if (method === "DELETE") return "remove";
  return isConditional ? "create" : "put";
}

function stamped({
  etag,
  lastModified,
}: {
  readonly etag: string;
  readonly lastModified: number;
}): Record<string, string> {
  return { etag, "last-modified": new Date(lastModified).toUTCString() };
}

function metadataIn(headers: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = "x-ms-meta-";
  const entries = Object.entries(headers).filter(([name]) => name.toLowerCase().startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

function blobXml({ key, etag, lastModified, leaseState, infinite, metadata }: StoredBlob): string {
  const duration = infinite ? "<LeaseDuration>infinite</LeaseDuration>" : "";
  const entries = Object.entries(metadata).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`);
  const properties =
    `<Last-Modified>${new Date(lastModified).toUTCString()}</Last-Modified><Etag>${etag.replaceAll('"', "")}</Etag>` +
    `<Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType><LeaseState>${leaseState}</LeaseState>${duration}`;
  const written = `<Metadata>${entries.join("")}</Metadata>`;
  return `<Blob><Name>${escaped(key)}</Name><Properties>${properties}</Properties>${written}</Blob>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
