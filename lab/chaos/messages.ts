/** What an actor takes, again and again. `crowd` is a plain lock that several tasks of each process want. */
export type ActorKind = "plain" | "crowd" | "fair" | "permit" | "readerWriter" | "election";

export interface ActorSpec {
  /** `w3 fair`, say; unique in the run, and the same for the worker that comes after a killed one. */
  readonly name: string;
  readonly kind: ActorKind;
  readonly key: string;
}

/** What releases after a worker's death. */
export interface Protection {
  readonly guardian: boolean;
  readonly stateDirectory: string | undefined;
  /** Whether it releases when it ends by itself. */
  readonly onExit: boolean;
}

/** What a worker is told before it starts. Sent over the pipe between parent and child: no process list shows it. */
export interface Job {
  readonly worker: string;
  /** 1, and one more after each kill. */
  readonly incarnation: number;
  readonly seed: number;
  readonly actors: readonly ActorSpec[];
  readonly leaseSeconds: number;
  readonly connectionString: string;
  readonly containerName: string;
  readonly registerPort: number;
  /** The directory in which it is told of releases. Default: it polls. */
  readonly wakeUps?: string | undefined;
  /** The file that this incarnation writes its journal to. */
  readonly journal: string;
  /** Default: nothing releases. */
  readonly protection?: Protection | undefined;
}

/** What a worker does to itself between its last look at the lock and its next write: the worst moment there is. */
export type Fate = "stop" | "kill";

export type Order =
  | { readonly kind: "job"; readonly job: Job }
  /** What the machine's clock counts from, in nanoseconds. */
  | { readonly kind: "go"; readonly epoch: string }
  /** Until then, keep whatever is held. */
  | { readonly kind: "linger"; readonly until: number }
  | { readonly kind: "fate"; readonly fate: Fate | undefined }
  /** End in the middle of everything. */
  | { readonly kind: "end"; readonly how: "throws" | "exits" }
  /** Close every pipe to another process, and go on. */
  | { readonly kind: "closePipes" }
  /** Finish what is held, and end. */
  | { readonly kind: "finish" };

export type Report =
  | { readonly kind: "ready" }
  /** For the conductor's aim and patience only: what is to be proved is proved from the journal. */
  | { readonly kind: "in" | "out"; readonly actor: string };
