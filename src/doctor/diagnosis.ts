/** The checks, in the order in which they run. */
export const CHECKS: readonly DoctorCheck[] = [
  "wayIn",
  "permissions",
  "conditions",
  "clocks",
  "account",
  "speed",
  "leaseTimes",
  "runtime",
  "contract",
];

/** A part of a diagnosis. */
export type DoctorCheck =
  | "wayIn"
  | "permissions"
  | "conditions"
  | "clocks"
  | "account"
  | "speed"
  | "leaseTimes"
  | "runtime"
  | "contract";

/**
 * How grave a finding is. `unsafe`: two may hold one lock. `failing`: locks, or a part of azmutex, do not work here.
 * `notice`: it works, and costs or surprises.
 */
export type FindingSeverity = "unsafe" | "failing" | "notice";

/** One thing that a diagnosis looked at. */
export interface DoctorResult {
  /** The check it is a part of. */
  readonly check: DoctorCheck;
  /** Its name, the same in every version: `stale-if-match`. */
  readonly id: string;
  /** `skipped`: it was not looked at, and `seen` says why. */
  readonly outcome: "ok" | "finding" | "skipped";
  /** How grave it is. Of a finding alone, as all that follows `seen`. */
  readonly severity?: FindingSeverity;
  /** What was seen, in a sentence. */
  readonly seen: string;
  /** What that means for locks. */
  readonly means?: string;
  /** What to do about it. */
  readonly advice?: string;
  /** The page and section of the documentation. */
  readonly link?: string;
}

/** A right on the container, as the table of permissions has them. */
export type DoctorRight = "write" | "read" | "list" | "delete" | "createContainer";

/** What {@link AzureMutex.diagnose} resolves with: data, with nothing secret in it. */
export interface Diagnosis {
  /** The version of this shape. Fields may be added to a version; none is taken away or changed. */
  readonly format: 1;
  /** When it was made, by this machine's clock, in ISO 8601. */
  readonly at: string;
  /** The sum: `sound` without findings. */
  readonly verdict: "sound" | "findings" | "unreachable" | "denied";
  /** Account and container, as `AzureMutex.address` names them. With `withNames` alone. */
  readonly place?: string;
  /** What was looked at: findings first, the gravest of them first. */
  readonly results: readonly DoctorResult[];
  /** Which rights the credentials have. A right that was not tried is left out. */
  readonly rights: Readonly<Partial<Record<DoctorRight, boolean>>>;
  /** Which parts of azmutex these rights are enough for. One whose rights were not tried is left out. */
  readonly features: Readonly<Record<string, boolean>>;
  /** What is known of account, credential and runtime, by name. */
  readonly facts: Readonly<Record<string, string>>;
  /** What was measured, by name. The unit ends the name. */
  readonly measures: Readonly<Record<string, number>>;
  /** The blobs, and with `contract` the containers, that it made and could not delete again. */
  readonly left: readonly string[];
}

/** How far a diagnosis has come. */
export interface DiagnosisProgress {
  /** The check that begins. */
  readonly check: DoctorCheck;
  /** How many checks, or cases of this check, are done. */
  readonly done: number;
  /** Of how many. */
  readonly of: number;
}

/** The options of {@link AzureMutex.diagnose}. */
export interface DiagnoseOptions {
  /** Whether it only reads and lists, and makes no blob. Default: false. */
  readOnly?: boolean | undefined;
  /** Whether it also measures when leases end. That takes two minutes. Default: false. */
  long?: boolean | undefined;
  /**
   * Whether it also runs the contract of `azmutex/testing` against the account, in containers of its own that it makes
   * and deletes. That takes up to ten minutes. Default: false.
   */
  contract?: boolean | undefined;
  /** Whether the names of account, host and container may stand in it. Default: false. */
  withNames?: boolean | undefined;
  /** Where the credential was found: the name of a variable, say. Default: the mutex's options. */
  credentialSource?: string | undefined;
  /** Called as each check begins. Default: nothing. */
  onProgress?: ((progress: DiagnosisProgress) => void) | undefined;
  /**
   * Called at the end with the blobs and containers that it made and could not delete, if there are any, also if
   * `signal` has ended it. Default: nothing.
   */
  onLeft?: ((names: readonly string[]) => void) | undefined;
  /** Ends it at once with the signal's own reason, after what it made is deleted. Default: none. */
  signal?: AbortSignal | undefined;
}
