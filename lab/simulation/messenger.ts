// Loaded before a run begins: within one, it would come at a time that no seed decides.
import "../../src/waiting/wake-ups/mutex-wake-ups.ts";
import type { WakeUps } from "../../src/waiting/wake-ups/wake-ups.ts";
import { Chance } from "../shared/chance.ts";
import type { Journal } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import type { Machine } from "./machine.ts";

export interface MessengerOptions {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly journal: Journal;
  /** Until when a channel dies that dies midway, in true time. */
  readonly endsAt: number;
}

interface Listener {
  readonly machine: Machine;
  readonly topic: string;
  readonly hear: (message: string) => void;
}

/** What can go wrong with a channel. */
export const CHANNEL_FAULTS = [
  "dead from the start",
  "dying midway",
  "1 % lost",
  "10 % lost",
  "50 % lost",
  "late",
  "doubled",
  "forged",
] as const;
export type ChannelFault = (typeof CHANNEL_FAULTS)[number];

/** The parts of messages that are lost. */
const LOST = [
  { part: 0 },
  { part: 0 },
  { part: 0.01, fault: "1 % lost" },
  { part: 0.1, fault: "10 % lost" },
  { part: 0.5, fault: "50 % lost" },
] as const satisfies readonly { part: number; fault?: ChannelFault }[];
/** A message that takes longer counts as late, in milliseconds. */
const LATE_MS = 1_000;
/** The part of machines that have a channel, where there is one. */
const ON_CHANNEL = 0.85;

/** Wake-ups between the machines: by the seed they are lost, late, doubled or forged, and stay so after the trouble. */
export class Messenger {
  readonly #of: MessengerOptions;
  readonly #chance: Chance;
  readonly #tokens: Chance;
  readonly #listeners = new Set<Listener>();
  readonly #lost: { readonly part: number; readonly fault?: ChannelFault };
  readonly #doubled: number;
  readonly #forged: number;
  readonly #delayMs: readonly [number, number];
  readonly #diesAt: number;
  readonly #struck = new Set<ChannelFault>();
  #hasArrived = false;

  constructor(options: MessengerOptions) {
    const chance = new Chance(options.seed, "messages");
    this.#of = options;
    this.#chance = chance;
    this.#tokens = new Chance(options.seed, "forged tokens");
    this.#lost = chance.oneOf(LOST);
    this.#doubled = chance.oneOf([0, 0, 0.2]);
    this.#forged = chance.oneOf([0, 0, 0.1]);
    this.#delayMs = chance.oneOf([
      [1, 5],
      [1, 5],
      [1, 400],
      [0, 30_000],
      [30_000, 30_000],
    ]);
    this.#diesAt = chance.oneOf([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      chance.between(0, options.endsAt),
      0,
    ]);
  }

  /** What went wrong with a message at least once. */
  get struck(): readonly ChannelFault[] {
    return [...this.#struck];
  }

  /** The channel as a process on this machine sees it. Undefined for one that polls. */
  channelOf(machine: Machine): WakeUps | undefined {
    if (!this.#chance.isOnce(ON_CHANNEL)) return undefined;
    return {
      publish: (topic, message) => {
        this.#of.journal.note(machine.name, () => `says ${message}`);
        for (const listener of this.#listeners) this.#send(listener, topic, message);
      },
      subscribe: (topic, hear) => {
        const listener = { machine, topic, hear };
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  #send(listener: Listener, topic: string, message: string): void {
    const { kernel } = this.#of;
    if (listener.topic !== topic) return;
    if (kernel.now >= this.#diesAt) {
      if (this.#diesAt === 0) this.#struck.add("dead from the start");
      else if (this.#hasArrived) this.#struck.add("dying midway");
      return;
    }
    if (this.#strikes(this.#lost.part, this.#lost.fault)) return;
    const words = this.#strikes(this.#forged, "forged") ? this.#forgery(message) : message;
    for (let times = this.#strikes(this.#doubled, "doubled") ? 2 : 1; times > 0; times -= 1) {
      const inMs = this.#chance.between(...this.#delayMs);
      if (inMs > LATE_MS) this.#struck.add("late");
      kernel.in(inMs, () =>
        listener.machine.receive(() => {
          this.#hasArrived = true;
          if (this.#listeners.has(listener)) listener.hear(words);
        }),
      );
    }
  }

  #strikes(probability: number, fault: ChannelFault | undefined): boolean {
    const isStruck = this.#chance.isOnce(probability);
    if (isStruck && fault) this.#struck.add(fault);
    return isStruck;
  }

  /** Another word with the same ids, in which questions are no longer numbered; a release may name tokens. */
  #forgery(message: string): string {
    const word = this.#chance.oneOf(["waiting", "held", "taken", "released", "left"]);
    const forged = message.replace(/^\w+/, word);
    if (word === "waiting" || word === "held") return forged;
    const named = forged.replaceAll(/\.\d+/g, "");
    return word === "released" && this.#tokens.isOnce(0.5) ? named.replace(/ =.*|$/, this.#forgedTokens()) : named;
  }

  /** Tokens that no record reserves, lower or higher than all there are. */
  #forgedTokens(): string {
    const first = this.#tokens.oneOf([1, 2 ** 50]) + this.#tokens.upTo(1_000);
    return ` =${first.toString(36)}.9.${"0".repeat(22)}`;
  }
}
