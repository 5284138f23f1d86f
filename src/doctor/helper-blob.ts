import type {
  AcquireAnswer,
  BreakAnswer,
  ChangeAnswer,
  LeaseLength,
  ReleaseAnswer,
  RenewAnswer,
  Stamp,
  WriteAnswer,
} from "../store/lease-store.ts";
import type { Doctor } from "./doctor.ts";

/** A blob that a check made, and the requests to it. */
export class HelperBlob {
  readonly name: string;
  /** Of its creation. */
  readonly stamp: Stamp;
  readonly #doctor: Doctor;

  private constructor(doctor: Doctor, name: string, stamp: Stamp) {
    this.#doctor = doctor;
    this.name = name;
    this.stamp = stamp;
  }

  static async make(doctor: Doctor, label: string): Promise<HelperBlob> {
    const name = doctor.blobs.toBeMade(label);
    const answer = await doctor.requests.ask("create", name, (signal) => doctor.store.create(name, {}, { signal }));
    if (answer.kind === "created") return new HelperBlob(doctor, name, answer);
    // The answer to an earlier try was lost.
    const read = await doctor.requests.ask("read", name, (signal) => doctor.store.read(name, { signal }));
    if (read.kind === "found") return new HelperBlob(doctor, name, read.blob);
    throw new Error(`the helper blob is ${answer.kind}, and ${read.kind}`);
  }

  acquire(leaseId: string, length: LeaseLength = 60): Promise<AcquireAnswer> {
    const { requests, store } = this.#doctor;
    return requests.ask("acquire", this.name, (signal) => store.acquire(this.name, leaseId, length, { signal }));
  }

  renew(leaseId: string): Promise<RenewAnswer> {
    const { requests, store } = this.#doctor;
    return requests.ask("renew", this.name, (signal) => store.renew(this.name, leaseId, { signal }));
  }

  release(leaseId: string): Promise<ReleaseAnswer> {
    const { requests, store } = this.#doctor;
    return requests.ask("release", this.name, (signal) => store.release(this.name, leaseId, { signal }));
  }

  change(leaseId: string, to: string): Promise<ChangeAnswer> {
    const { requests, store } = this.#doctor;
    return requests.ask("change", this.name, (signal) => store.change(this.name, leaseId, to, { signal }));
  }

  break(how: { readonly periodSeconds?: number; readonly ifMatch?: string }): Promise<BreakAnswer> {
    const { requests, store } = this.#doctor;
    return requests.ask("break", this.name, (signal) => store.break(this.name, { ...how, signal }));
  }

  write(leaseId: string, ifMatch: string): Promise<WriteAnswer> {
    const { requests, store } = this.#doctor;
    const write = (signal: AbortSignal) => store.writeMetadata(this.name, {}, { leaseId, ifMatch, signal });
    return requests.ask("writeRecord", this.name, write);
  }
}
