/**
 * What a part of a manifest may be: a word for a plain value, a list of one shape, or its fields by name. A field whose
 * name ends with `!` has to be there; `*` stands for any name. A regular expression says what a string looks like.
 */
export type Shape =
  | "string"
  | "number"
  | "boolean"
  | "any"
  | RegExp
  | readonly Shape[]
  | { readonly [name: string]: Shape };

/** Kubernetes' resource quantities, as far as anybody needs them here. */
const QUANTITY = /^\d+(?:m|Mi|Gi)?$/;
const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

const METADATA: Shape = { name: NAME, labels: { "*": "string" }, annotations: { "*": "string" } };

const PROBE: Shape = {
  httpGet: { "path!": /^\//, "port!": "number" },
  tcpSocket: { "port!": "number" },
  periodSeconds: "number",
  failureThreshold: "number",
};

const CONTAINER: Shape = {
  "name!": NAME,
  "image!": "string",
  command: ["string"],
  env: [
    {
      "name!": /^[A-Z][A-Z0-9_]*$/,
      value: "string",
      valueFrom: { fieldRef: { "fieldPath!": /^(?:metadata\.name|status\.podIP)$/ } },
    },
  ],
  ports: [{ "containerPort!": "number" }],
  resources: { requests: { cpu: QUANTITY, memory: QUANTITY }, limits: { cpu: QUANTITY, memory: QUANTITY } },
  readinessProbe: PROBE,
  livenessProbe: PROBE,
};

const POD: Shape = {
  serviceAccountName: NAME,
  terminationGracePeriodSeconds: "number",
  shareProcessNamespace: "boolean",
  initContainers: [CONTAINER],
  containers: [CONTAINER],
};

/** By kind. https://kubernetes.io/docs/reference/kubernetes-api/ */
export const KUBERNETES: Readonly<Record<string, Shape>> = {
  ServiceAccount: { "apiVersion!": /^v1$/, "kind!": "string", "metadata!": METADATA },
  Deployment: {
    "apiVersion!": /^apps\/v1$/,
    "kind!": "string",
    "metadata!": METADATA,
    "spec!": {
      replicas: "number",
      strategy: { "type!": /^RollingUpdate$/, rollingUpdate: { maxSurge: /^\d+%$/, maxUnavailable: /^\d+%$/ } },
      "selector!": { "matchLabels!": { "*": "string" } },
      "template!": { "metadata!": METADATA, "spec!": POD },
    },
  },
  Service: {
    "apiVersion!": /^v1$/,
    "kind!": "string",
    "metadata!": METADATA,
    "spec!": { "selector!": { "*": "string" }, "ports!": [{ "port!": "number", targetPort: "number" }] },
  },
};

/** A part of a pod, as a page shows what differs from what it showed before. */
export const POD_PART: Shape = POD;

/** https://learn.microsoft.com/azure/container-apps/azure-resource-manager-api-spec */
export const CONTAINER_APPS_JOB: Shape = {
  "properties!": {
    "configuration!": {
      "triggerType!": /^(?:Schedule|Manual|Event)$/,
      "replicaTimeout!": "number",
      replicaRetryLimit: "number",
      scheduleTriggerConfig: {
        "cronExpression!": /^(?:\S+ ){4}\S+$/,
        parallelism: "number",
        replicaCompletionCount: "number",
      },
    },
    "template!": {
      "containers!": [
        { "name!": NAME, "image!": "string", command: ["string"], env: [{ "name!": "string", "value!": "string" }] },
      ],
    },
  },
};

/** https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax */
export const GITHUB_WORKFLOW: Shape = {
  "name!": "string",
  "on!": { push: { branches: ["string"] } },
  permissions: { "id-token": /^write$/, contents: /^read$/ },
  "jobs!": {
    "*": {
      "runs-on!": "string",
      "timeout-minutes": "number",
      "steps!": [
        { name: "string", uses: /^[\w-]+\/[\w-]+@v\d+$/, with: { "*": "any" }, env: { "*": "string" }, run: "string" },
      ],
    },
  },
};

/** https://learn.microsoft.com/azure/devops/pipelines/yaml-schema */
export const AZURE_PIPELINE: Shape = {
  "trigger!": { branches: { include: ["string"] } },
  "pool!": { "vmImage!": "string" },
  "jobs!": [
    {
      "job!": "string",
      timeoutInMinutes: "number",
      cancelTimeoutInMinutes: "number",
      "steps!": [
        {
          "task!": /^AzureCLI@2$/,
          displayName: "string",
          "inputs!": {
            "azureSubscription!": "string",
            "scriptType!": /^bash$/,
            "scriptLocation!": /^inlineScript$/,
            "inlineScript!": "string",
          },
          env: { "*": "string" },
        },
      ],
    },
  ],
};

/** What is wrong with a value, by the way to it. */
export function faultsOf(value: unknown, shape: Shape, path = "$"): string[] {
  if (shape === "any") return [];
  if (typeof shape === "string") return typeof value === shape ? [] : [`${path} is a ${typeof value}, not a ${shape}`];
  if (shape instanceof RegExp)
    return shape.test(String(value)) ? [] : [`${path} is ${JSON.stringify(value)}, unlike ${shape}`];
  if (isList(shape)) {
    const [of = "any"] = shape;
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((item, index) => faultsOf(item, of, `${path}[${index}]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path} has no fields`];
  const missing = Object.keys(shape).flatMap((name) =>
    name.endsWith("!") && !(name.slice(0, -1) in value) ? [`${path} lacks ${name.slice(0, -1)}`] : [],
  );
  const wrong = Object.entries(value).flatMap(([name, inner]) => {
    const of = shape[name] ?? shape[`${name}!`] ?? shape["*"];
    return of === undefined ? [`${path} has no field ${name}`] : faultsOf(inner, of, `${path}.${name}`);
  });
  return [...missing, ...wrong];
}

function isList(shape: Shape): shape is readonly Shape[] {
  return Array.isArray(shape);
}
