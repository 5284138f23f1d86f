import type { Operation } from "../operation.ts";
import type { StoreAddress } from "../store-address.ts";
import { BlobLeaseStore } from "./blob-lease-store.ts";
import { immutabilityIn, readFailure } from "./blob-status.ts";
import { type CredentialFacts, credentialOf } from "./credential-facts.ts";
import { ownSignal } from "./own-requests.ts";
import { errorFor } from "./request-error.ts";
import type { ContainerClientLike } from "./sdk-clients.ts";

/** An answer to a write that leaves out what azmutex never leaves out. */
export type ProbeAnswer =
  /** Done. A version is named where the account keeps versions. */
  | { readonly kind: "done"; readonly keepsVersions: boolean; readonly keepsDeleted: boolean }
  | { readonly kind: "refused"; readonly status: string; readonly immutableBy: "policy" | "legalHold" | undefined };

/** What the service tells of an account. Undefined where it does not. */
export interface AccountFacts {
  /** Its kind, as Azure names it: `StorageV2`. */
  readonly kind: string | undefined;
  /** Performance and redundancy: `Standard_ZRS`. */
  readonly sku: string | undefined;
  readonly isHierarchical: boolean | undefined;
}

/** What the service tells of a container. */
export interface ContainerFacts {
  readonly hasPolicy: boolean;
  readonly hasLegalHold: boolean;
}

/**
 * What a diagnosis asks of an account, and a lock never does. Each method is one request, and throws as those of a
 * `LeaseStore` do.
 */
export interface AccountProbe {
  /** How requests are signed. */
  readonly credential: CredentialFacts;
  /** Set Blob Metadata on any version of the blob, under this lease or under none. */
  writeMetadata(name: string, signal: AbortSignal, leaseId?: string): Promise<ProbeAnswer>;
  /** Put Blob over whatever is there, under this lease or under none. */
  putBlob(name: string, options: ProbeWrite): Promise<ProbeAnswer>;
  /** Delete Blob. */
  deleteBlob(name: string, signal: AbortSignal, leaseId?: string): Promise<ProbeAnswer>;
  deleteContainer(signal: AbortSignal): Promise<ProbeAnswer>;
  containerFacts(signal: AbortSignal): Promise<ContainerFacts>;
  accountFacts(signal: AbortSignal): Promise<AccountFacts>;
  /** The store of another container of the account, and its probe; undefined if the credential is for one alone. */
  sibling(container: string): { readonly store: BlobLeaseStore; readonly probe: AccountProbe } | undefined;
}

export interface ProbeWrite {
  readonly signal: AbortSignal;
  readonly leaseId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

interface RawAnswer {
  readonly versionId?: string;
  readonly _response?: { readonly headers?: { get?(name: string): string | undefined } };
}

type Conditions = { readonly abortSignal: AbortSignal; readonly conditions?: { readonly leaseId: string } };

/** The SDK's `BlockBlobClient`, without the conditions that a lock always sets. */
interface RawBlob {
  setMetadata(metadata: Record<string, string>, options: Conditions): Promise<RawAnswer>;
  upload(
    body: string,
    length: number,
    options: Conditions & { readonly metadata?: Record<string, string> },
  ): Promise<RawAnswer>;
  delete(options: Conditions): Promise<RawAnswer>;
}

/** The SDK's `ContainerClient`, as far as a diagnosis asks it. */
interface RawContainer {
  readonly url: string;
  readonly credential: unknown;
  readonly pipeline: unknown;
  readonly constructor: unknown;
  getBlockBlobClient(name: string): RawBlob;
  delete(options: { readonly abortSignal: AbortSignal }): Promise<RawAnswer>;
  getProperties(options: {
    readonly abortSignal: AbortSignal;
  }): Promise<{ readonly hasImmutabilityPolicy?: boolean; readonly hasLegalHold?: boolean }>;
  getAccountInfo?(options: { readonly abortSignal: AbortSignal }): Promise<{
    readonly skuName?: string;
    readonly accountKind?: string;
    readonly isHierarchicalNamespaceEnabled?: boolean;
  }>;
}

/** The probe of the account behind a store; undefined for a store that is not Azure's, or a client not the SDK's. */
export async function probeOf(store: unknown): Promise<AccountProbe | undefined> {
  const client = (await BlobLeaseStore.clientOf(store)) as Partial<RawContainer> | undefined;
  if (typeof client?.getProperties !== "function" || typeof client.url !== "string") return undefined;
  return new BlobProbe(client as RawContainer, (store as BlobLeaseStore).address);
}

class BlobProbe implements AccountProbe {
  readonly credential: CredentialFacts;
  readonly #client: RawContainer;
  readonly #address: StoreAddress | undefined;

  constructor(client: RawContainer, address: StoreAddress | undefined) {
    this.#client = client;
    this.#address = address;
    this.credential = credentialOf(client);
  }

  writeMetadata(name: string, signal: AbortSignal, leaseId?: string): Promise<ProbeAnswer> {
    const blob = this.#client.getBlockBlobClient(name);
    return this.#write("writeRecord", name, () => blob.setMetadata({}, under({ signal, leaseId })));
  }

  putBlob(name: string, { metadata, ...how }: ProbeWrite): Promise<ProbeAnswer> {
    const blob = this.#client.getBlockBlobClient(name);
    const options = { ...under(how), ...(metadata && { metadata: { ...metadata } }) };
    return this.#write("create", name, () => blob.upload("", 0, options));
  }

  deleteBlob(name: string, signal: AbortSignal, leaseId?: string): Promise<ProbeAnswer> {
    const blob = this.#client.getBlockBlobClient(name);
    return this.#write("remove", name, () => blob.delete(under({ signal, leaseId })));
  }

  deleteContainer(signal: AbortSignal): Promise<ProbeAnswer> {
    return this.#write("remove", undefined, () => this.#client.delete(under({ signal })));
  }

  async containerFacts(signal: AbortSignal): Promise<ContainerFacts> {
    const ask = () => this.#client.getProperties(under({ signal }));
    const { hasImmutabilityPolicy = false, hasLegalHold = false } = await this.#read("read", ask);
    return { hasPolicy: hasImmutabilityPolicy, hasLegalHold };
  }

  async accountFacts(signal: AbortSignal): Promise<AccountFacts> {
    const ask = async () => this.#client.getAccountInfo?.(under({ signal }));
    const found = await this.#read("read", ask);
    const { accountKind: kind, skuName: sku, isHierarchicalNamespaceEnabled: isHierarchical } = found ?? {};
    return { kind, sku, isHierarchical };
  }

  sibling(container: string): { readonly store: BlobLeaseStore; readonly probe: AccountProbe } | undefined {
    if (this.credential.isForOneContainer) return undefined;
    const url = new URL(this.#client.url);
    url.pathname = url.pathname.replace(/[^/]+\/?$/, container);
    const Client = this.#client.constructor as new (url: string, pipeline: unknown) => RawContainer;
    const client = new Client(url.href, this.#client.pipeline);
    const store = new BlobLeaseStore(async () => client as unknown as ContainerClientLike);
    return { store, probe: new BlobProbe(client, undefined) };
  }

  async #write(operation: Operation, name: string | undefined, ask: () => Promise<RawAnswer>): Promise<ProbeAnswer> {
    try {
      const { versionId, _response } = await ask();
      // https://learn.microsoft.com/rest/api/storageservices/delete-blob: false where the account keeps the blob
      const isPermanent = _response?.headers?.get?.("x-ms-delete-type-permanent");
      return { kind: "done", keepsVersions: Boolean(versionId), keepsDeleted: isPermanent === "false" };
    } catch (thrown) {
      const failure = readFailure(thrown, { address: this.#address }, operation);
      const { kind } = failure.outcome;
      if (kind === "unsure" || kind === "vanishing" || kind === "denied")
        throw errorFor(operation, name, failure, this.#address);
      return { kind: "refused", status: failure.status, immutableBy: immutabilityIn(failure.status) };
    }
  }

  async #read<T>(operation: Operation, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      const failure = readFailure(thrown, { address: this.#address }, operation);
      throw errorFor(operation, undefined, failure, this.#address);
    }
  }
}

function under({ signal, leaseId }: { readonly signal: AbortSignal; readonly leaseId?: string | undefined }) {
  return { abortSignal: ownSignal(signal), ...(leaseId !== undefined && { conditions: { leaseId } }) };
}
