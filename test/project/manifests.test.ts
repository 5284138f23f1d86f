import { describe, expect, it } from "vitest";
import { type Manifest, manifests } from "../support/manifests.ts";
import { compileSnippets } from "./snippets.ts";

/** The published type of a manifest of Kubernetes. A part of a pod has no kind. */
function typeOf({ apiVersion, kind }: { apiVersion?: string; kind?: string }): string {
  if (kind === undefined) return 'Partial<import("kubernetes-types/core/v1.js").PodSpec>';
  const [group = "core", version = group] = (apiVersion ?? "").split("/");
  const room = version === group ? "core" : group.replace(".k8s.io", "").split(".")[0];
  return `import("kubernetes-types/${room}/${version}.js").${kind}`;
}

/** Compiles each as an object of its type: a field that the type does not have is an error, as is a missing one. */
async function faultsOf(folder: string, found: readonly Manifest[]): Promise<readonly string[]> {
  const documents = found.map(({ page, line, yaml }, at) => {
    const code = `const manifest: ${typeOf(yaml.toJS())} = ${JSON.stringify(yaml.toJS())};\nvoid manifest;`;
    return { path: `${page}/${at}`, blocks: [{ language: "ts", code, line, executed: false }] };
  });
  return (await compileSnippets(folder, documents)).errors;
}

describe("the manifests of the documents", () => {
  const ofKubernetes = manifests.filter(({ page }) => page === "docs/kubernetes.md");

  it("are YAML", () => {
    expect(manifests.length).toBeGreaterThan(7);
    expect(
      manifests.flatMap(({ page, line, yaml }) =>
        [...yaml.errors, ...yaml.warnings].map(({ message }) => `${page}:${line}: ${message}`),
      ),
    ).toEqual([]);
  });

  it("of Kubernetes have the fields that Kubernetes knows, each of its kind", async () => {
    expect(ofKubernetes.length).toBeGreaterThan(4);
    expect(await faultsOf("manifests", ofKubernetes)).toEqual([]);
  });

  it("are seen to be wrong", async () => {
    const broken = (from: string, to: string): Manifest[] =>
      ofKubernetes
        .filter(({ yaml }) => JSON.stringify(yaml.toJS()).includes(from))
        .slice(0, 1)
        .map(({ yaml, ...where }) => {
          const changed = JSON.parse(JSON.stringify(yaml.toJS()).replace(from, to)) as unknown;
          return { ...where, yaml: { toJS: () => changed } as Manifest["yaml"] };
        });
    const wrong = [...broken('"initContainers"', '"initContainer"'), ...broken('"replicas":3', '"replicas":"3"')];
    expect(await faultsOf("manifests-wrong", wrong)).toEqual([
      expect.stringMatching(/"initContainer"' does not exist in type 'PodSpec'/),
      expect.stringContaining("'string' is not assignable to type 'number'"),
    ]);
  });
});
