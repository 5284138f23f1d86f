import { type ReleaseRequest, releaseRequest } from "../release-request.ts";
import type { BlobLeaseClientLike, BlockBlobClientLike, ContainerClientLike } from "./sdk-clients.ts";

/** Making a client takes as long as putting its request together, so this many are kept. */
const MOST_CLIENTS = 100;

/** Further parts of the SDK's clients that are read. */
interface SigningClient {
  readonly url: unknown;
  readonly credential: unknown;
}

/** The clients of a container and of its blobs. Those used last are kept. */
export class BlobClients {
  readonly container: ContainerClientLike;
  /** In the order of their use. */
  readonly #blobs = new Map<string, BlockBlobClientLike>();

  constructor(container: ContainerClientLike) {
    this.container = container;
  }

  blob(name: string): BlockBlobClientLike {
    const found = this.#blobs.get(name) ?? this.container.getBlockBlobClient(name);
    this.#blobs.delete(name);
    this.#blobs.set(name, found);
    const [oldest = name] = this.#blobs.keys();
    if (this.#blobs.size > MOST_CLIENTS) this.#blobs.delete(oldest);
    return found;
  }

  lease(name: string, leaseId?: string): BlobLeaseClientLike {
    return this.blob(name).getBlobLeaseClient(leaseId);
  }

  /** The request that releases a lease. Signed by the signer, or by the client's credential without one. */
  releaseRequest(name: string, leaseId: string, signer: unknown): ReleaseRequest | undefined {
    const { credential }: ContainerClientLike & Partial<SigningClient> = this.container;
    const { url }: BlockBlobClientLike & Partial<SigningClient> = this.blob(name);
    return typeof url === "string" ? releaseRequest(url, signer ?? credential, leaseId) : undefined;
  }
}

/** The way to a container. Its client is made when the first request is sent. */
export class ContainerConnection {
  readonly #connect: () => Promise<ContainerClientLike>;
  #opening: Promise<BlobClients> | undefined;
  #clients: BlobClients | undefined;

  constructor(connect: () => Promise<ContainerClientLike>) {
    this.#connect = connect;
  }

  /** Undefined until it is open. */
  get clients(): BlobClients | undefined {
    return this.#clients;
  }

  open(): Promise<BlobClients> {
    this.#opening ??= this.#connect().then(
      (container) => {
        this.#clients = new BlobClients(container);
        return this.#clients;
      },
      (error: unknown) => {
        // A failed connect is not kept: what was missing may be there the next time.
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }
}
