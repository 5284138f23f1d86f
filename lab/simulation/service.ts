import { isLeased, type StoredBlob } from "../../src/store/lease-store.ts";
import { MemoryLeaseStore } from "../../src/testing/memory/memory-lease-store.ts";
import type { StoreRequest } from "../shared/relayed-store.ts";
import type { Kernel } from "./kernel.ts";

/** A request that may be the other of two that the network made of one. */
export interface Request extends StoreRequest {
  readonly isDouble?: boolean;
}

/** What is true of a blob's lease, whatever anybody believes. */
export class LeaseView {
  owner: string | undefined;
  endsAt = Number.NEGATIVE_INFINITY;
  /** When the blob was last written. */
  writtenAt = Number.NEGATIVE_INFINITY;
  #lengthMs = 0;
  #epoch = 0;
  readonly #epochs = new Map<string, number>();
  readonly #givenUp = new Set<string>();
  /** Its holder got it anew after others had it, and cannot know yet. */
  #isUnaware = false;

  /** The how-manieth owner this id was when it last became the owner; 0 if it never was. */
  epochOf(leaseId: string): number {
    return this.#epochs.get(leaseId) ?? 0;
  }

  /** Whether the lease was ever released under this id, or given to another. */
  wasGivenUp(leaseId: string): boolean {
    return this.#givenUp.has(leaseId);
  }

  isLeasedBy(leaseId: string, now: number): boolean {
    return this.owner === leaseId && now < this.endsAt;
  }

  /**
   * A double that comes after others had the lease gives back a lease that ended early, and no holder can tell. A
   * caller that asks for it under that id later, and is told that it has it, has it from then on.
   */
  taken(leaseId: string, lengthMs: number, now: number, isDouble: boolean): void {
    if (isDouble) this.#ownAgain(leaseId);
    else this.#own(leaseId);
    this.#lengthMs = lengthMs;
    this.endsAt = now + lengthMs;
  }

  renewed(now: number): void {
    this.endsAt = now + this.#lengthMs;
  }

  /** The writer of the record has read what others left in it meanwhile, and counts its tokens on from there. */
  written(leaseId: string, now: number): void {
    this.writtenAt = now;
    if (this.#isUnaware && this.owner === leaseId) this.#own(leaseId);
  }

  /**
   * To the task that had it before under this id, when it ended early and is still in line, it is handed back as a
   * double gives it back.
   */
  changed(from: string, to: string): void {
    this.#givenUp.add(from);
    this.#ownAgain(to);
  }

  freed(by?: string): void {
    if (by !== undefined) this.#givenUp.add(by);
    this.owner = undefined;
    this.endsAt = Number.NEGATIVE_INFINITY;
  }

  /** The holder of a lease that ran out cannot revive it now. */
  overwritten(now: number): void {
    this.writtenAt = now;
    if (now >= this.endsAt) this.owner = undefined;
  }

  #ownAgain(leaseId: string): void {
    if (!this.#epochs.has(leaseId)) this.#own(leaseId);
    else {
      this.#isUnaware ||= this.owner !== leaseId;
      this.owner = leaseId;
    }
  }

  #own(leaseId: string): void {
    if (this.owner === leaseId && !this.#isUnaware) return;
    this.#epoch += 1;
    this.owner = leaseId;
    this.#isUnaware = false;
    this.#epochs.set(leaseId, this.#epoch);
  }
}

/** The first day of 2026. */
const STARTS_AT = 1_767_225_600_000;
const CHANGES: ReadonlySet<string> = new Set(["created", "written", "removed"]);

/** The storage service: its own clock is the true time. It is told what to refuse, and knows who has which lease. */
export class Service {
  readonly memory: MemoryLeaseStore;
  readonly #kernel: Kernel;
  readonly #leases = new Map<string, LeaseView>();
  /** Called when a lease ends before its time: its holder cannot know yet. */
  onEndedEarly: (name: string, leaseId: string) => void = () => undefined;
  /** Called when a lease was given back. */
  onReleased: (name: string) => void = () => undefined;
  /** Called when a blob was made, written or deleted, before anything else happens. */
  onChanged: ((name: string) => Promise<void>) | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const clock = {
      now: () => kernel.now,
      uptime: () => kernel.now,
      setTimer: () => ({ cancel: () => undefined }),
      nextTurn: () => undefined,
    };
    this.memory = new MemoryLeaseStore({ clock, startsAt: STARTS_AT });
  }

  /** Its time, in milliseconds since 1970. */
  get now(): number {
    return STARTS_AT + this.#kernel.now;
  }

  lease(name: string): LeaseView {
    const found = this.#leases.get(name) ?? new LeaseView();
    this.#leases.set(name, found);
    return found;
  }

  /** The name of a blob that was ever leased and matches, or an empty one. */
  blobNamed(pattern: RegExp): string {
    return [...this.#leases.keys()].find((name) => pattern.test(name)) ?? "";
  }

  /** Does what it is asked, and learns from the answer who has the lease. */
  async serve(request: Request): Promise<unknown> {
    const answer = await request.ask(this.memory);
    if (typeof answer === "object" && answer !== null && "kind" in answer) {
      this.#learn(request, String(answer.kind));
      if (this.onChanged && CHANGES.has(String(answer.kind))) await this.onChanged(request.name);
    }
    return answer;
  }

  /** The lease ends at once, and the blob forgets its id. Its holder has to find out. */
  async breakAtOnce(name: string): Promise<boolean> {
    const lease = this.lease(name);
    const { owner } = lease;
    if (owner === undefined || this.#kernel.now >= lease.endsAt) return false;
    await this.memory.break(name, { periodSeconds: 0 });
    lease.freed();
    this.onEndedEarly(name, owner);
    return true;
  }

  /** A foreigner deletes a blob that is not leased. */
  async remove(name: string): Promise<void> {
    await this.memory.remove(name);
    this.lease(name).freed();
    await this.onChanged?.(name);
  }

  async deleteContainer(): Promise<void> {
    await this.memory.deleteContainer();
    for (const [name, lease] of this.#leases) {
      const { owner } = lease;
      const stood = owner !== undefined && this.#kernel.now < lease.endsAt;
      lease.freed();
      if (stood) this.onEndedEarly(name, owner);
      await this.onChanged?.(name);
    }
  }

  /** The blobs there are, with their leases as they are at this moment. */
  async blobs(prefix: string): Promise<readonly StoredBlob[]> {
    const found: StoredBlob[] = [];
    for await (const blob of this.memory.list(prefix)) found.push(blob);
    return found;
  }

  async leased(): Promise<readonly StoredBlob[]> {
    return (await this.blobs("")).filter(({ leaseState }) => isLeased(leaseState));
  }

  #learn(
    { operation, name, leaseId = "", newLeaseId = "", leaseMs = 0, isDouble = false }: Request,
    kind: string,
  ): void {
    const lease = this.lease(name);
    const { now } = this.#kernel;
    if (operation === "acquire" && kind === "acquired") lease.taken(leaseId, leaseMs, now, isDouble);
    if (operation === "renew" && kind === "renewed") lease.renewed(now);
    if (operation === "release" && kind === "released") {
      lease.freed(leaseId);
      this.onReleased(name);
    }
    if (operation === "change" && kind === "changed") lease.changed(leaseId, newLeaseId);
    if (operation === "remove" && kind === "removed") lease.freed();
    if (kind === "created") lease.writtenAt = now;
    if (kind === "written") lease.written(leaseId, now);
  }
}
