import type { Check, Switch } from "./checks.ts";
import type { Search } from "./verifier-output.ts";

const CHECK_HEAD = ["model", "bounds", "never violated", "states", "depth", "time"];
const SWITCH_HEAD = ["model", "left out", "rule", "what the model does without", "what goes wrong"];

/** All of a row but the time it took, which is never the same. */
export function checkCells(
  { model, bounds, properties }: Check,
  { states, depth }: Pick<Search, "states" | "depth">,
): string[] {
  return [model, bounds, properties.join(", "), states.toLocaleString("en-US"), depth.toLocaleString("en-US")];
}

export function switchCells({ model, name, rule, without }: Switch, verdict: string): string[] {
  return [model, `\`${name}\``, ruleLink(rule), without, verdict];
}

function ruleLink(rule: Switch["rule"]): string {
  return `[${rule}](protocol.md#${rule.toLowerCase()})`;
}

export function checkTable(rows: readonly (readonly string[])[]): string {
  return markdown(CHECK_HEAD, [":--", ":--", ":--", "--:", "--:", "--:"], rows);
}

export function switchTable(rows: readonly (readonly string[])[]): string {
  return markdown(SWITCH_HEAD, [":--", ":--", ":--", ":--", ":--"], rows);
}

export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function markdown(head: readonly string[], alignment: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${[head, alignment, ...rows].map(markdownRow).join("\n")}\n`;
}
