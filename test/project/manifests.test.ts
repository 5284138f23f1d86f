import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { PROJECT } from "../support/sources.ts";
import { callsIn, refusalOf, wholeLines } from "./calls.ts";
import { readDocuments } from "./documents.ts";
import {
  AZURE_PIPELINE,
  CONTAINER_APPS_JOB,
  faultsOf,
  GITHUB_WORKFLOW,
  KUBERNETES,
  POD_PART,
  type Shape,
} from "./manifest-shapes.ts";
import { Workplace } from "./snippets.ts";

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly readinessProbe?: { readonly httpGet?: { readonly path: string; readonly port: number } };
  readonly livenessProbe?: { readonly httpGet?: { readonly path: string; readonly port: number } };
}

interface Deployment {
  readonly kind: "Deployment";
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly terminationGracePeriodSeconds: number;
        readonly initContainers?: readonly Container[];
        readonly containers: readonly Container[];
      };
    };
  };
}

/** Every YAML document of the pages. */
const manifests = readDocuments(PROJECT).flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language }) => language === "yaml")
    .flatMap(({ code, line }) => parseAllDocuments(code).map((found) => ({ where: `${path}:${line}`, found }))),
);

/** Whose words a manifest is written in. */
function shapeOf(value: Readonly<Record<string, unknown>>): Shape | undefined {
  if (typeof value.kind === "string") return KUBERNETES[value.kind];
  if ("on" in value) return GITHUB_WORKFLOW;
  if ("pool" in value) return AZURE_PIPELINE;
  if ("properties" in value) return CONTAINER_APPS_JOB;
  if ("containers" in value || "initContainers" in value) return POD_PART;
  return undefined;
}

function faults(value: Readonly<Record<string, unknown>>): string[] {
  const shape = shapeOf(value);
  return shape === undefined ? ["it is not known what this is"] : faultsOf(value, shape);
}

/** Every `command` that begins with ours, and every line of a script that calls it, wherever they stand. */
function calls(value: unknown): string[][] {
  if (Array.isArray(value)) return value[0] === "azmutex" ? [value.slice(1)] : value.flatMap(calls);
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(calls);
  return typeof value === "string"
    ? wholeLines(value)
        .filter((line) => !line.includes("npm install"))
        .flatMap(callsIn)
    : [];
}

const ofPage = (page: string): unknown[] =>
  manifests.filter(({ where }) => where.startsWith(`${page}:`)).map(({ found }) => found.toJS());
const deployments = ofPage("docs/kubernetes.md").filter(
  (one): one is Deployment => (one as Deployment).kind === "Deployment",
);
const deployment = (name: string): Deployment["spec"]["template"]["spec"] => {
  const found = deployments.find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`docs/kubernetes.md has no Deployment ${name}`);
  return found.spec.template.spec;
};

describe("the manifests of the documents", () => {
  it("are YAML in which every field is known, and of its kind", () => {
    expect(manifests.length).toBeGreaterThan(7);
    expect(
      manifests.flatMap(({ where, found }) =>
        [...found.errors, ...found.warnings].map(({ message }) => `${where}: ${message}`),
      ),
    ).toEqual([]);
    expect(manifests.flatMap(({ where, found }) => faults(found.toJS()).map((fault) => `${where}: ${fault}`))).toEqual(
      [],
    );
  });

  it("call the command as it can be called", async () => {
    const found = manifests.flatMap(({ where, found }) => calls(found.toJS()).map((call) => ({ where, call })));
    expect(found.length).toBeGreaterThan(5);
    const refusals = found.map(async ({ where, call }) => ({ where, refusal: await refusalOf(call) }));
    expect((await Promise.all(refusals)).filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  });

  it("of Kubernetes fit together: labels, ports, the service account", () => {
    const services = ofPage("docs/kubernetes.md") as {
      kind?: string;
      metadata: { name: string };
      spec: { selector: unknown; ports: { targetPort: number }[] };
    }[];
    const account = services.find(({ kind }) => kind === "ServiceAccount")?.metadata.name;
    expect(deployments).toHaveLength(2);
    for (const { spec } of deployments) {
      const { metadata, spec: pod } = spec.template;
      expect(metadata.labels).toMatchObject(spec.selector.matchLabels);
      expect(metadata.labels["azure.workload.identity/use"]).toBe("true");
      expect(pod.serviceAccountName).toBe(account);
      for (const { ports = [], readinessProbe, livenessProbe } of pod.containers) {
        const open = ports.map(({ containerPort }) => containerPort);
        for (const probe of [readinessProbe, livenessProbe])
          if (probe?.httpGet) expect(open).toContain(probe.httpGet.port);
      }
    }
    const [service] = services.filter(({ kind }) => kind === "Service");
    const [served] = deployments.filter(({ metadata }) => metadata.name === service?.metadata.name);
    expect(served?.spec.template.metadata.labels).toMatchObject(service?.spec.selector as object);
    expect(served?.spec.template.spec.containers[0]?.ports?.[0]?.containerPort).toBe(
      service?.spec.ports[0]?.targetPort,
    );
  });

  it("of the leader fit its program: its probes, its variables, and the time it has to end", () => {
    const { containers, terminationGracePeriodSeconds } = deployment("scheduler");
    const program = readFileSync(join(PROJECT, "examples/leader.ts"), "utf8");
    const [container] = containers;
    expect(container?.readinessProbe?.httpGet?.path).toBe("/readyz");
    expect(container?.livenessProbe?.httpGet?.path).toBe("/livez");
    for (const path of ["/readyz", "/livez"]) expect(program).toContain(`"${path}"`);
    for (const { name } of container?.env ?? []) if (!name.startsWith("AZURE_TOKEN")) expect(program).toContain(name);
    const graceMs = Number(/graceMs: ([\d_]+)/.exec(program)?.[1]?.replaceAll("_", ""));
    expect(graceMs).toBeLessThan(terminationGracePeriodSeconds * 1_000);
  });

  it("are seen to be wrong", () => {
    const [first] = deployments;
    const broken = (from: string, to: string): string[] => faults(JSON.parse(JSON.stringify(first).replace(from, to)));
    expect(broken("", "")).toEqual([]);
    expect(broken('"initContainers"', '"initContainer"')).toEqual(["$.spec.template.spec has no field initContainer"]);
    expect(broken('"image":', '"imagee":')).toEqual([
      "$.spec.template.spec.initContainers[0] lacks image",
      "$.spec.template.spec.initContainers[0] has no field imagee",
    ]);
    expect(broken('"replicas":3', '"replicas":"3"')).toEqual(["$.spec.replicas is a string, not a number"]);
    expect(faults({ whatever: 1 })).toEqual(["it is not known what this is"]);
    expect(calls({ a: ["azmutex", "run", "k", "--tyr"], b: "exec azmutex ls\nazmutex statu k" })).toEqual([
      ["run", "k", "--tyr"],
      ["ls"],
      ["statu", "k"],
    ]);
  });
});

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
const JOB = `echo "$1 begins" >> log; azmutex status "$1" --json >> status; sleep 1; echo "$1 ends" >> log; exit "\${EXIT:-0}"`;

describe.concurrent("what the manifests run, against the emulator,", () => {
  it("a migration in an init container: one pod after the other, under the pod's name, and a failure is the container's", async (test) => {
    await using emulator = await startEmulator();
    await using place = new Workplace({ "bin/node": `[ "$1" = migrate.js ] || exit 99; ./job shop/migrate`, job: JOB });
    const [container] = deployment("shop").initContainers ?? [];
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
      const { script, env } = stepOf(who, ofPage(page));
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

  it("a job of Container Apps: 75 while the lock is held, and 0 by the command that its page has for that", async (test) => {
    await using emulator = await startEmulator();
    await using place = new Workplace({ "bin/node": `[ "$1" = nightly.js ] || exit 99; ./job nightly`, job: JOB });
    const account = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
    const [job] = ofPage("docs/azure-functions-and-container-apps.md") as {
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
