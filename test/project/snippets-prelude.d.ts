/** What the snippets of the documents take for granted: the reader's own program. */

/** Of a storage account. */
declare const connectionString: string;

/** The reader's long job. */
declare function migrate(signal?: AbortSignal): Promise<void>;

/** What is used of packages that are no dependencies of ours. */
declare module "@azure/functions" {
  interface Context {
    readonly invocationId: string;
    log(...said: unknown[]): void;
    error(...said: unknown[]): void;
  }
  export const app: {
    timer(
      name: string,
      options: { schedule: string; handler: (timer: unknown, context: Context) => Promise<void> | void },
    ): void;
  };
}
