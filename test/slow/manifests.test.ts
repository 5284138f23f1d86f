import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { manifestsOf } from "../support/manifests.ts";
import { PROJECT } from "../support/sources.ts";
import { Workplace } from "../support/workplace.ts";

interface Container {
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
}

interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly spec: { readonly initContainers?: readonly Container[] } } };
}

function initContainersOf(name: string): readonly Container[] {
  const all = manifestsOf("docs/kubernetes.md") as Deployment[];
  const found = all.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === name);
  if (!found) throw new Error(`docs/kubernetes.md has no Deployment ${name}`);
  return found.spec.template.spec.initContainers ?? [];
}

/** As Kubernetes does: `$(NAME)` of the container's own variables. */
function started(
  { command = [], env = [] }: Container,
  podName: string,
): { argv: string[]; env: Record<string, string> } {
  const values = Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [name, valueFrom === undefined ? (value ?? "") : podName]),
  );
  return {
    argv: command.map((word) => word.replaceAll(/\$\((\w+)\)/g, (whole, name) => values[name] ?? whole)),
    env: values,
  };
}

/** What is said, but for the lines of a wait: who waits first is left to chance. */
const withoutTheWait = (output: string): string => output.replaceAll(/^azmutex: (?:waiting for|got) ".*\n/gm, "");

/** Notes when it began and ended, and who holds the lock meanwhile. */
const JOB =
  `echo "$1 begins" >> log; azmutex status "$1" --json >> status; sleep 1; echo "$1 ` +
  `ends" >> log; exit "\${EXIT:-0}"`;

describe.concurrent("what the manifests run, against the emulator,", () => {
  it("a migration in an init container: one pod after the other, and failing as the container", async (test) => {
    await using emulator = await startEmulator();
    await using place = new Workplace({ "bin/node": `[ "$1" = migrate.js ] || exit 99; ./job shop/migrate`, job: JOB });
    const [container] = initContainersOf("shop");
    if (!container) throw new Error("the Deployment has no init container");
    const pod = (name: string, exit = "0") => {
      const { argv, env } = started(container, name);
      return place.run(argv, { ...env, AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString, EXIT: exit });
    };
    const pods = await Promise.all(["shop-1", "shop-2", "shop-3"].map((name) => pod(name)));
    test.expect(pods.map(({ code, output }) => `${code} ${withoutTheWait(output)}`)).toEqual(["0 ", "0 ", "0 "]);
    const [begins, ends] = ["shop/migrate begins", "shop/migrate ends"];
    test.expect(place.read("log").trim().split("\n")).toEqual([begins, ends, begins, ends, begins, ends]);
    const holders = place.read("status").match(/shop-\d/g);
    test.expect(new Set(holders)).toEqual(new Set(["shop-1", "shop-2", "shop-3"]));
    test.expect((await pod("shop-4", "3")).code).toBe(3);
  });

  it.for([
    ["GitHub's", "docs/pipelines.md", "github-7001-42", "acme/shop 0b1c2d3"],
    ["Azure's", "docs/pipelines.md", "azure-42", "shop 0b1c2d3"],
  ] as const)(
    "%s deployment step, whole, with who deploys what in the record",
    async ([who, page, holder, purpose], test) => {
      await using emulator = await startEmulator();
      await using place = new Workplace({
        "bin/npm": `echo "$@" >> npm.log`,
        "deploy.sh": "./job deploy/production",
        job: JOB,
      });
      const { script, env } = stepOf(who, manifestsOf(page));
      const account = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
      const steps = await Promise.all(
        ["0", "5"].map((exit) => place.run(["bash", "-e", "-c", script], { ...env, ...account, EXIT: exit })),
      );
      test.expect(steps.map(({ code, output }) => `${code} ${withoutTheWait(output)}`)).toEqual(["0 ", "5 "]);
      const [begins, ends] = ["deploy/production begins", "deploy/production ends"];
      test.expect(place.read("log").trim().split("\n")).toEqual([begins, ends, begins, ends]);
      test.expect(place.read("status")).toContain(`"name": "${holder}"`);
      test.expect(place.read("status")).toContain(`"purpose": "${purpose}"`);
    },
  );

  it("a job of Container Apps: 75 while the lock is held, and 0 by the command that its page has", async (test) => {
    await using emulator = await startEmulator();
    await using place = new Workplace({ "bin/node": `[ "$1" = nightly.js ] || exit 99; ./job nightly`, job: JOB });
    const account = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
    const [job] = manifestsOf("docs/azure-functions-and-container-apps.md") as {
      properties: { template: { containers: Container[] } };
    }[];
    const { argv } = started(job?.properties.template.containers[0] as Container, "");
    const [, listed = "[]"] =
      /`(\["azmutex".*?"\])`/.exec(readFileSync(join(PROJECT, "docs/azure-functions-and-container-apps.md"), "utf8")) ??
      [];
    const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
    {
      await using held = await mutex.locker("nightly").lock();
      test.expect((await place.run(argv, account)).code).toBe(75);
      test.expect(await place.run(JSON.parse(listed), account)).toMatchObject({ code: 0 });
      held.assertHeld();
    }
    test.expect(place.read("log")).toBe("");
    test.expect((await place.run(argv, account)).code).toBe(0);
    test.expect((await place.run(JSON.parse(listed), { ...account, EXIT: "4" })).code).toBe(4);
    test.expect(place.read("log").match(/begins/g)).toHaveLength(2);
  });
});

/** The script of the step that deploys, and its variables, as the runner has them. */
function stepOf(
  who: "GitHub's" | "Azure's",
  pages: readonly unknown[],
): { script: string; env: Record<string, string> } {
  if (who === "GitHub's") {
    const { jobs } = pages.find((page) => "on" in (page as object)) as {
      jobs: { deploy: { steps: { run?: string; env?: Record<string, string> }[] } };
    };
    const { run = "", env = {} } = jobs.deploy.steps.at(-1) ?? {};
    return { script: run, env: filledIn(env, /\$\{\{ (\S+) \}\}/g) };
  }
  const { jobs } = pages.find((page) => "pool" in (page as object)) as {
    jobs: { steps: { inputs: { inlineScript: string }; env: Record<string, string> }[] }[];
  };
  const { inputs, env } = jobs[0]?.steps.at(-1) ?? { inputs: { inlineScript: "" }, env: {} };
  // Azure Pipelines writes its variables into the script before a shell sees it.
  return { script: filledIn(inputs, /\$\((\S+?)\)/g).inlineScript ?? "", env };
}

const VARIABLES: Readonly<Record<string, string>> = {
  "github.repository_id": "7001",
  "github.run_id": "42",
  "github.repository": "acme/shop",
  "github.sha": "0b1c2d3",
  "Build.BuildId": "42",
  "Build.Repository.Name": "shop",
  "Build.SourceVersion": "0b1c2d3",
};

function filledIn(texts: Readonly<Record<string, string>>, variable: RegExp): Record<string, string> {
  const fill = (text: string): string =>
    text.replaceAll(variable, (_, name: string) => {
      const value = VARIABLES[name];
      if (value === undefined) throw new Error(`nothing says what ${name} is`);
      return value;
    });
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(text)]));
}
