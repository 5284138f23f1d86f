import type { Doctor } from "../doctor.ts";

const SDK = "@azure/storage-blob";
const LOGIN = "@azure/identity";
/** The versions of the SDK that azmutex is tested with: docs/runtimes.md. */
const OLDEST_SDK = "12.27.0";
const NEWEST_SDK = "12.34.0";
/** From here on the SDK asks for Node.js 22. */
const SDK_FOR_NODE_22 = "12.33.0";

/** Which runtime and packages the process is made of, and whether they are tested together. */
export async function checkRuntime(doctor: Doctor): Promise<void> {
  const { found, sources } = doctor;
  const { bun, deno, node } = process.versions;
  const name = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node.js ${node}`;
  found.facts.runtime = name;
  found.facts.platform = `${process.platform} ${process.arch}`;
  const isNode = !bun && !deno;
  const isOld = isNode && isBelow(node, "20.19.0");
  doctor.look("runtime-too-old", isOld ? `this is ${name}` : undefined, name);
  if (!doctor.probe && found.end === undefined) return doctor.skip("sdk", "the store is not Azure's");
  const sdk = sources.versionOf(SDK);
  const login = sources.versionOf(LOGIN);
  if (login !== undefined) found.facts.identity = login;
  if (sdk === undefined) return doctor.skip("sdk", "the version of the SDK cannot be read: is this a bundle?");
  found.facts.sdk = sdk;
  const seen = `${SDK} is ${sdk}`;
  doctor.look("sdk-too-old", isBelow(sdk, OLDEST_SDK) ? seen : undefined, seen);
  if (isBelow(NEWEST_SDK, sdk)) doctor.finding("sdk-untested", `${seen}, and ${NEWEST_SDK} is tested`);
  if (isNode && isBelow(node, "22.0.0") && !isBelow(sdk, SDK_FOR_NODE_22))
    doctor.finding("sdk-needs-newer-node", `${seen}, on ${name}`);
  if ((await sources.isOneSdk()) === false) doctor.finding("two-sdks", "the client's classes are another copy's");
}

/** Whether a version is lower than another. What follows a hyphen is not compared. */
export function isBelow(version: string, other: string): boolean {
  const parts = (text: string): readonly number[] => text.split(/[.-]/, 3).map(Number);
  const [a, b] = [parts(version), parts(other)];
  const differing = a.findIndex((part, index) => part !== b[index]);
  return differing !== -1 && (a[differing] ?? 0) < (b[differing] ?? 0);
}
