/** What the snippets of the documents take for granted: the reader's own program. */

/** Of a storage account. */
declare const connectionString: string;

/** The reader's long job. */
declare function migrate(signal?: AbortSignal): Promise<void>;

/** The reader's database: how many rows the statement has changed. */
declare function update(sql: string, values: readonly unknown[]): Promise<number>;

/** What is used of packages that are no dependencies of ours. */
declare module "@azure/functions" {
  interface Context {
    readonly invocationId: string;
    log(...said: unknown[]): void;
    error(...said: unknown[]): void;
  }
  type Result<T = unknown> = T | Promise<T>;
  interface Response {
    status?: number;
    body?: string;
    headers?: Record<string, string>;
  }
  export const app: {
    timer(
      name: string,
      options: { schedule: string; handler: (timer: { isPastDue: boolean }, context: Context) => Result<void> },
    ): void;
    storageQueue(
      name: string,
      options: {
        queueName: string;
        connection: string;
        handler: (queueEntry: unknown, context: Context) => Result;
      },
    ): void;
    http(
      name: string,
      options: { methods: string[]; handler: (request: Request, context: Context) => Result<Response> },
    ): void;
  };
}

declare module "@nestjs/schedule" {
  export function Cron(expression: string, options?: { timeZone?: string }): (method: object, of: unknown) => void;
}
