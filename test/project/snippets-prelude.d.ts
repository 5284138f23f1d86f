/** What the snippets of the documents take for granted: the reader's own program. */

/** Of a storage account. */
declare const connectionString: string;

/** The reader's long job. */
declare function migrate(signal?: AbortSignal): Promise<void>;
