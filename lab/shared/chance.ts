import { between, type Random, seeded } from "./seeded.ts";

/**
 * What is left to chance in one part of a simulation. Each part has a source of its own, so that one thing less here
 * changes nothing there.
 */
export class Chance {
  readonly random: Random;

  constructor(seed: number, name: string) {
    this.random = seeded(seed, name);
  }

  /** A whole number from 0 up to, but not including, `n`. */
  upTo(n: number): number {
    return Math.floor(this.random() * n);
  }

  between(from: number, to: number): number {
    return between(from, to, this.random);
  }

  isOnce(probability: number): boolean {
    return this.random() < probability;
  }

  oneOf<const Choices extends readonly [unknown, ...unknown[]]>(choices: Choices): Choices[number] {
    return choices[this.upTo(choices.length)];
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, place: this.random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ item }) => item);
  }
}
