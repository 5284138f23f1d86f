/** The kinds of helper blobs. Each has a folder of this name beside the other helpers of a key. */
export type HelperKind = "queue" | "semaphore" | "reader-writer-lock" | "once";

/** What one request asks of the service. */
export type Operation =
  | "acquire"
  | "renew"
  | "change"
  | "release"
  | "break"
  | "create"
  | "createContainer"
  | "read"
  | "writeRecord"
  | "remove"
  | "list"
  | `list ${HelperKind | "helpers"}`;

/** How error messages say each operation: "no answer to … of "key" within 3000 ms". */
export const OPERATION_WORDS: Readonly<Record<Operation, string>> = Object.freeze({
  acquire: "acquire",
  renew: "renew",
  change: "change",
  release: "release",
  break: "break",
  create: "create",
  createContainer: "create the container",
  read: "read",
  writeRecord: "write the record",
  remove: "remove",
  list: "list",
  "list helpers": "list the helpers",
  "list queue": "list the queue",
  "list semaphore": "list the semaphore",
  "list reader-writer-lock": "list the reader-writer-lock",
  "list once": "list the record of slots",
});

/** The values of the metric attribute `azmutex.operation`. They are public: dashboards depend on them. */
export const OPERATION_METRICS: Readonly<Record<Operation, string>> = Object.freeze({
  acquire: "acquire",
  renew: "renew",
  change: "change",
  release: "release",
  break: "break",
  create: "create",
  createContainer: "create_container",
  read: "read",
  writeRecord: "write_record",
  remove: "remove",
  list: "list",
  "list helpers": "list",
  "list queue": "list",
  "list semaphore": "list",
  "list reader-writer-lock": "list",
  "list once": "list",
});
