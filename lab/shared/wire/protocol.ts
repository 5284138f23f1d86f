/** What a lock asks of its storage. */
export type Operation = "acquire" | "renew" | "release" | "other";

/** How requests and answers lie in a stream of bytes, and what a storage says that wants to be asked later. */
export interface Protocol {
  /** How many bytes the first request in them has, or undefined while it is not complete. */
  requestLength(bytes: Buffer): number | undefined;
  answerLength(bytes: Buffer, request: Buffer): number | undefined;
  /** What a request is for. Where the protocol does not say, it is for `stage`, what the holder is about just then. */
  operationOf(request: Buffer, stage: Operation): Operation;
  /** Whether the storage did what was asked. */
  isDone(answer: Buffer): boolean;
  /** Whether the same will be asked again in other words, so that this answer settles nothing. */
  isRepeated(answer: Buffer): boolean;
  /** "Not now": an error that says nothing of the lock. */
  readonly notNow: Buffer;
}
