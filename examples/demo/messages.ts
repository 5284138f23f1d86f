import type { Requests } from "./requests.ts";

/** Where the lock is. */
export interface LockAddress {
  connectionString: string;
  containerName: string;
  key: string;
}

/** What a worker is told before it starts. Sent over the pipe between parent and child: no process list shows it. */
export interface Job {
  name: string;
  increments: number;
  /** The increment, counted from 0, that takes so long that its worker can be killed in the middle of it. */
  fatalIncrement?: number;
  /** The folder that holds the number and the journal. */
  folder: string;
  /** Without it the worker takes no lock. */
  lock?: LockAddress;
}

/** From the parent to a worker: the job, then, when all are ready, the start. */
export type Order = { kind: "job"; job: Job } | { kind: "go" };

/** From a worker to the parent, for the display and the kill. What is to be proved is proved from the journal. */
export type Report = { requests: Requests } & (
  | { kind: "ready" | "resting" | "waiting" | "finished" }
  /** Nothing new but the count of requests, which goes on while a worker waits. */
  | { kind: "alive" }
  | { kind: "holding"; token: number | undefined; fatal: boolean }
  | { kind: "failed"; message: string }
);
