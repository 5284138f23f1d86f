import { isUnsure } from "./retry.ts";

/**
 * Whether the credentials may delete helper blobs, as far as the last deletion told. Without that right helper blobs
 * stay.
 */
export class HelperRemovals {
  #areDenied = false;

  get areDenied(): boolean {
    return this.#areDenied;
  }

  succeeded(): void {
    this.#areDenied = false;
  }

  /** A deletion failed. Logs a certain refusal, the first one only. */
  failed(error: unknown, log: (message: string) => void): void {
    if (this.#areDenied || isUnsure(error)) return;
    this.#areDenied = true;
    const help = "grant the right to delete, or have a lifecycle rule delete them";
    log(`helper blobs cannot be deleted, and stay: ${help}: ${String(error)}`);
  }
}
