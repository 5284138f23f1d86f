/** What the snippets of the documents take for granted: the reader's own program. */

/** Of a storage account. */
declare const connectionString: string;

/** The reader's long job. */
declare function migrate(signal?: AbortSignal): Promise<void>;

/** The reader's database: how many rows the statement has changed. */
declare function update(sql: string, values: readonly unknown[]): Promise<number>;
