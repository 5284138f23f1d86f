import { filled, readData, type Values } from "../shared/data.ts";
import type { Benchmark } from "./benchmark.ts";

type Text = Pick<Benchmark, "title" | "what">;

/** A benchmark's name, and what `texts.yaml` says of it. */
export function textsOf(name: string, values: Values = {}): Text & Pick<Benchmark, "name"> {
  const found = readData<Readonly<Record<string, Text>>>("lab/bench/texts.yaml")[name];
  if (!found) throw new Error(`lab/bench/texts.yaml says nothing of ${name}`);
  return { name, ...filled(found, values) };
}
