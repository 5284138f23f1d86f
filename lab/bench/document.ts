import { wrapped } from "../shared/wrapped.ts";
import type { Claim, Measured, Report, Table } from "./benchmark.ts";
import { chartsOf } from "./pictures.ts";

const HEAD = `# Benchmarks

How long a lock takes, how many requests it sends and what it costs, beside the least that is
possible and beside other locks. The least is two requests for a lock that is taken and given back,
a round trip each; a lease of at least 15 s; and no waiter that the service wakes up.

\`\`\`sh
npm run bench                    # all of it; writes this page
npm run bench -- --only cycle    # one of them, in place of its last results
npm run bench -- --json          # the results as JSON; writes nothing
npm run bench -- --redraw        # page and pictures of the last results; measures nothing
\`\`\`

Between every client and every server is the same proxy. It makes each request take a round trip
more, so that round trips decide and not the emulator. What is compared runs in turns within one
run, after a warm-up, and the ratio is what counts: the machine's own speed cancels out. Figures in
brackets are the least and the most of all repeats. What has no server or library on this machine is
"not run". Redis and etcd come from Debian (\`apt-get install redis-server etcd-server\`). The first
run installs the libraries into \`lab/shared/peers/\`; the package does not depend on them.
`;

/** The page, made of nothing but the results. */
export function benchmarksDocument(results: readonly Measured[]): string {
  return [HEAD, ...results.map((measured) => section(measured))].join("\n");
}

function section(measured: Measured): string {
  const { name, title, what, ranOn, seconds, report } = measured;
  const { tables, claims, notes } = report;
  const parts = [
    `## ${title}`,
    wrapped(what),
    ...[...chartsOf(measured)].map(([file, { title: shows }]) => `![${shows}](benchmarks/${file})`),
    ...tables.map((table) => tableOf(table)),
    ...notes.map((note) => wrapped(note)),
    ...(claims.length > 0 ? [claimsOf(claims)] : []),
    wrapped(`_\`npm run bench -- --only ${name}\`: ${Math.round(seconds)} s, ${ranOn}_`),
  ];
  return `${parts.join("\n\n")}\n`;
}

function tableOf({ caption, columns, rows }: Table): string {
  const lines = [
    rowOf(columns),
    rowOf([":--", ...columns.slice(1).map(() => "--:")]),
    ...rows.map((cells) => rowOf(cells)),
  ];
  return [...(caption === undefined ? [] : [`**${caption}**`, ""]), ...lines].join("\n");
}

function claimsOf(claims: readonly Claim[]): string {
  const rows = claims.map(({ what, limit, measured, holds }) => [
    what,
    limit,
    measured,
    holds ? "holds" : "**does not hold**",
  ]);
  return tableOf({ columns: ["has to hold", "limit", "measured", ""], rows });
}

function rowOf(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The same for a terminal. */
export function printed({ tables, claims, notes }: Report): string {
  return [...tables.map((table) => aligned(table)), ...notes, ...claims.map((claim) => claimLine(claim))].join("\n\n");
}

function claimLine({ what, limit, measured, holds }: Claim): string {
  return `${holds ? "holds" : "DOES NOT HOLD"}: ${what}: ${measured} (limit ${limit})`;
}

function aligned({ caption, columns, rows }: Table): string {
  const all = [columns, ...rows].map((cells) => cells.map(String));
  const widths = columns.map((_, at) => Math.max(...all.map((cells) => cells[at]?.length ?? 0)));
  const lines = all.map((cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  "),
  );
  return [...(caption === undefined ? [] : [caption]), ...lines].join("\n");
}
