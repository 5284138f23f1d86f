import { Chance } from "../shared/chance.ts";
import { type Journal, short } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import type { Referee } from "./referee.ts";
import type { Request, Service } from "./service.ts";
import type { Trouble } from "./trouble.ts";

export interface ForeignersOptions {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly journal: Journal;
  readonly service: Service;
  readonly referee: Referee;
  readonly trouble: Trouble;
}

const GO_LEASE_SECONDS = 60;
const GO_POLLS = 3;
const GO_POLLS_EVERY_MS = 10_000;
/** Blobs that everybody locks, as against the helpers of ours. */
const IS_LOCK = /^(?!\.azmutex\/)/;

/** Others who use the same container and know nothing of azmutex. */
export class Foreigners {
  readonly #of: ForeignersOptions;
  readonly #chance: Chance;
  #busy = 0;
  #ids = 0;

  constructor(options: ForeignersOptions) {
    this.#of = options;
    this.#chance = new Chance(options.seed, "foreigners");
  }

  get isDone(): boolean {
    return this.#busy === 0;
  }

  /**
   * Locks as go-azuremutex does: overwrites the blob, which wipes its metadata, leases it for a minute, and gives it
   * back.
   */
  async lockLikeGo(dice: number): Promise<void> {
    const { service, kernel, journal, referee } = this.#of;
    const name = await this.#anyName(dice, ({ key }) => IS_LOCK.test(key));
    if (name === undefined) return;
    this.#busy += 1;
    this.#ids += 1;
    const leaseId = `90${String(this.#ids).padStart(6, "0")}-0000-4000-8000-000000000000`;
    const holdMs = this.#chance.between(0, 3_000);
    for (let poll = 0; poll < GO_POLLS; poll += 1) {
      const put = await service.memory.putBlob(name);
      if (put.kind === "written") service.lease(name).overwritten(kernel.now);
      journal.note("go", () => `overwrites ${name}: ${put.kind}`);
      await this.#pass(this.#chance.between(1, 40));
      const acquire: Request = {
        operation: "acquire",
        name,
        leaseId,
        leaseMs: GO_LEASE_SECONDS * 1_000,
        ask: (store) => store.acquire(name, leaseId, GO_LEASE_SECONDS),
      };
      const got = (await service.serve(acquire)) as { kind: string };
      journal.note("go", () => `acquires ${name} with ${short(leaseId)}: ${got.kind}`);
      if (got.kind === "acquired") {
        const held = { isHeld: true };
        const tenancy = referee.entered({
          group: name,
          limit: 1,
          weight: 1,
          held,
          blob: name,
          leaseId,
          machine: undefined,
        });
        await this.#pass(holdMs);
        held.isHeld = false;
        referee.left(tenancy);
        await service.serve({ operation: "release", name, leaseId, ask: (store) => store.release(name, leaseId) });
        journal.note("go", () => `releases ${name}`);
        break;
      }
      await this.#pass(GO_POLLS_EVERY_MS);
    }
    this.#busy -= 1;
  }

  /** A foreigner overwrites a blob that is not leased. */
  async overwrite(dice: number): Promise<string | undefined> {
    const { service, kernel } = this.#of;
    const name = await this.#anyName(
      dice,
      ({ key, leaseState }) => IS_LOCK.test(key) && leaseState !== "leased" && leaseState !== "breaking",
    );
    if (name === undefined) return undefined;
    await service.memory.putBlob(name, { content: "something else" });
    service.lease(name).overwritten(kernel.now);
    return name;
  }

  /** The same, in the very moment in which it was given back, now and then. */
  overwriteWhenReleased(isNow: () => boolean): void {
    const { service, kernel } = this.#of;
    service.onReleased = (name) => {
      if (!IS_LOCK.test(name) || !isNow()) return;
      void service.memory.putBlob(name).then(() => service.lease(name).overwritten(kernel.now));
    };
  }

  /** A lifecycle rule, say, deletes a blob that is not leased. */
  async remove(dice: number): Promise<string | undefined> {
    const { service } = this.#of;
    const name = await this.#anyName(
      dice,
      ({ key, leaseState }) => this.#isOld(key) && leaseState !== "leased" && leaseState !== "breaking",
    );
    if (name === undefined) return undefined;
    await service.remove(name);
    return name;
  }

  async removeContainer(): Promise<boolean> {
    const { service } = this.#of;
    const blobs = await service.blobs("");
    if (!blobs.every(({ key }) => this.#isOld(key))) return false;
    await service.deleteContainer();
    return true;
  }

  async breakAtOnce(dice: number): Promise<string | undefined> {
    const { service } = this.#of;
    const name = await this.#anyName(dice, ({ leaseState }) => leaseState === "leased");
    return name !== undefined && (await service.breakAtOnce(name)) ? name : undefined;
  }

  /** The lease runs out as it would have, but cannot be renewed. */
  async breakSoftly(dice: number): Promise<string | undefined> {
    const { service } = this.#of;
    const name = await this.#anyName(dice, ({ leaseState }) => leaseState === "leased");
    if (name !== undefined) await service.memory.break(name);
    return name;
  }

  /**
   * Tokens may come again if a blob is deleted within the very second in which they were reserved: that much is
   * documented.
   */
  #isOld(name: string): boolean {
    const { service, kernel } = this.#of;
    return Math.floor(kernel.now / 1_000) > Math.floor(service.lease(name).writtenAt / 1_000);
  }

  async #anyName(
    dice: number,
    isMeant: (blob: { key: string; leaseState: string }) => boolean,
  ): Promise<string | undefined> {
    const names = (await this.#of.service.blobs("")).filter(isMeant).map(({ key }) => key);
    return names[Math.floor(dice * names.length)];
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#of.kernel.in(ms, resolve));
  }
}
