/** What is asked of a storage, in the words of `LeaseStore` where it has one for it. */
export type WireOperation =
  | "acquire"
  | "renew"
  | "release"
  | "change"
  | "break"
  | "createContainer"
  | "deleteContainer"
  | "create"
  | "putBlob"
  | "deleteBlob"
  | "read"
  | "writeMetadata"
  | "list"
  | "other";

export interface WireRequest {
  readonly operation: WireOperation;
  /** Of HTTP, or the command of Redis. */
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
}

/** How requests and answers lie in a stream of bytes, and what a storage says that wants to be asked later. */
export interface Protocol {
  /** Whether any connection will do for any request. */
  readonly isStateless: boolean;
  /** How many bytes the first request in them has, or undefined while it is not complete. */
  requestLength(bytes: Buffer): number | undefined;
  answerLength(bytes: Buffer, request: Buffer): number | undefined;
  /** Where the protocol does not say what a request is for, it is for `stage`, what the client is about just then. */
  read(request: Buffer, stage: WireOperation): WireRequest;
  /** Whether the storage did what was asked. */
  isDone(answer: Buffer): boolean;
  /** Whether the same will be asked again in other words, so that this answer settles nothing. */
  isRepeated(answer: Buffer): boolean;
  /** "Not now": an error that says nothing of the lock. */
  busy(request: Buffer, retryAfterSeconds?: number): Buffer;
  /** What a gateway on the way answers by itself: a page of its own, and nothing by which the service is known. */
  gateway(request: Buffer, status: number): Buffer;
}
