import type { LockLostError } from "../errors.ts";

/** A renewal that was answered, or failed. Times are in milliseconds. */
export type Renewal =
  | { readonly kind: "renewed" | "refused" | "late"; readonly tookMs: number; readonly msLeft: number }
  | { readonly kind: "failed"; readonly error: unknown; readonly msLeft: number; readonly attempt: number };

/** Observes a lease. Hold, telemetry and renewer implement what they need of it. No method may throw. */
export interface LeaseObserver {
  /** A renewal was answered, or failed. */
  onRenewal?(renewal: Renewal): void;
  /** Sends a renewal, with what belongs around it. */
  renewing?<T>(send: () => Promise<T>): Promise<T>;
  /** The blob was written since the last answer under the lease. Rejects if it could not find out who wrote it. */
  onWritten?(): Promise<void>;
  /** The lease is lost, and its signal is about to say so; without an error, it is about to be given back. */
  onEnd?(lost: LockLostError | undefined): void;
}
