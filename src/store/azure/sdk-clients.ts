/** The SDK's options of a request, as far as they are used. */
export interface Abortable {
  /** Ends the wait for the answer. */
  readonly abortSignal?: AbortSignal;
}

/** The headers of the SDK's answers, as far as they are used. */
export interface AnswerHeaders {
  /**
   * The service's `x-ms-request-id`. Without it, or a header that says as much, an answer is taken for a gateway's and
   * proves nothing.
   */
  readonly requestId?: string;
  /** The blob's ETag. */
  readonly etag?: string;
  /** When the blob was written last, by the service's clock. */
  readonly lastModified?: Date;
  /** When the service answered, by its own clock. */
  readonly date?: Date;
}

/** The headers of the SDK's answers to operations on a lease. */
export interface LeaseHeaders extends AnswerHeaders {
  /** The id of the lease that stands now. */
  readonly leaseId?: string;
  /** After a break: how long the lease still runs, in seconds. */
  readonly leaseTime?: number;
}

/** The SDK's properties of a blob, as far as they are used. */
export interface LeaseProperties {
  /** The blob's ETag. */
  readonly etag?: string;
  /** When the blob was written last, by the service's clock. */
  readonly lastModified?: Date;
  /** The state of the lease, as the service names it. */
  readonly leaseState?: string;
  /** `infinite` or `fixed`, while it is leased. */
  readonly leaseDuration?: string;
  /** The size of its content, in bytes. */
  readonly contentLength?: number;
}

/** What is used of the SDK's `BlobLeaseClient`. */
export interface BlobLeaseClientLike {
  /** Acquire Lease, under the client's id: for so many seconds, or −1 for an infinite one. */
  acquireLease(duration: number, options?: Abortable): Promise<LeaseHeaders>;
  /** Renew Lease. */
  renewLease(options?: Abortable): Promise<LeaseHeaders>;
  /** Release Lease. */
  releaseLease(options?: Abortable): Promise<LeaseHeaders>;
  /** Change Lease. */
  changeLease(proposedLeaseId: string, options?: Abortable): Promise<LeaseHeaders>;
  /** Break Lease. */
  breakLease(breakPeriod: number, options?: Abortable & { conditions?: { ifMatch?: string } }): Promise<LeaseHeaders>;
}

/** What is used of the SDK's `BlockBlobClient`. */
export interface BlockBlobClientLike {
  /** The client of the blob's lease, under this id. */
  getBlobLeaseClient(leaseId?: string): BlobLeaseClientLike;
  /** Delete Blob. */
  delete(options?: Abortable & { conditions?: { leaseId?: string } }): Promise<AnswerHeaders>;
  /** Get Blob Properties. */
  getProperties(options?: Abortable): Promise<LeaseProperties & AnswerHeaders & { metadata?: Record<string, string> }>;
  /** Set Blob Metadata. */
  setMetadata(
    metadata: Record<string, string>,
    options?: Abortable & { conditions?: { leaseId?: string; ifMatch?: string } },
  ): Promise<AnswerHeaders>;
  /** Put Blob. */
  upload(
    body: string,
    length: number,
    options?: Abortable & { conditions?: { ifNoneMatch?: string }; metadata?: Record<string, string> },
  ): Promise<AnswerHeaders>;
}

/**
 * What is used of the SDK's `ContainerClient`, by shape and not by class, so that another copy or version of the SDK
 * than ours will do. Answers must carry the SDK's `requestId`: one without it counts as a gateway's, and is asked for
 * again.
 */
export interface ContainerClientLike {
  /** The name of the container. */
  readonly containerName: string;
  /** Create Container. */
  create(options?: Abortable): Promise<AnswerHeaders>;
  /** The client of a blob of the container. */
  getBlockBlobClient(blobName: string): BlockBlobClientLike;
  /** List Blobs. */
  listBlobsFlat(options?: Abortable & { prefix?: string; includeMetadata?: boolean }): {
    byPage(settings?: { maxPageSize?: number }): AsyncIterable<{
      readonly requestId?: string;
      readonly date?: Date;
      readonly continuationToken?: string;
      readonly segment: {
        readonly blobItems: ReadonlyArray<{
          readonly name: string;
          readonly properties: LeaseProperties;
          readonly metadata?: Record<string, string>;
        }>;
      };
    }>;
  };
}
