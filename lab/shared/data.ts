import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { PROJECT } from "./project.ts";

/** Texts and numbers by the names under which data mention them, as `{{NAME}}`. */
export type Values = Readonly<Record<string, string | number>>;

/** What a YAML file has, by its path in the project. With `values` filled in, if they are given. */
export function readData<T>(path: string, values?: Values): T {
  const data = parse(readFileSync(new URL(path, PROJECT), "utf8"), { merge: true }) as T;
  return values ? filled(data, values) : data;
}

/** The same data with the value in place of each name. Values may contain names, too. Throws for an unknown one. */
export function filled<T>(data: T, values: Values): T {
  const fill = (text: string): string =>
    text.replaceAll(/\{\{([A-Z_]+)\}\}\n?/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`there is no value ${name}`);
      const found = fill(String(value));
      // A value of several lines ends the last one itself.
      return whole.endsWith("\n") && !found.endsWith("\n") ? `${found}\n` : found;
    });
  return JSON.parse(JSON.stringify(data), (_, one: unknown) => (typeof one === "string" ? fill(one) : one)) as T;
}
