import { createInterface } from "node:readline";
import { getHeapSnapshot, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

interface SnapshotHead {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]] };
  };
}

const FIRST_NODE = '"nodes":[';
/** What is finalised lives for a collection more, and what that lets go of for another. */
const COLLECTIONS = 4;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

export async function collectAllGarbage(): Promise<void> {
  for (let rounds = 0; rounds < COLLECTIONS; rounds += 1) {
    collectGarbage();
    await new Promise(setImmediate);
  }
}

/**
 * What all objects that are alive take, in bytes, compiled code aside, which comes and goes. Counted one by one in a
 * heap snapshot: `heapUsed` has a page of 256 KB as used when it is begun, which is as much as a hundred locks. A
 * snapshot has a line for each object, and too many of them for one text.
 */
export async function liveBytes(): Promise<number> {
  await collectAllGarbage();
  let head = "";
  let bytesOn: ((node: string) => number) | undefined;
  let bytes = 0;
  const snapshot = getHeapSnapshot();
  for await (const line of createInterface({ input: snapshot })) {
    if (line.startsWith("]")) break;
    if (line.startsWith(FIRST_NODE)) bytesOn = bytesReader(head);
    if (bytesOn) bytes += bytesOn(line);
    else head += line;
  }
  snapshot.destroy();
  if (!bytesOn) throw new Error(`a heap snapshot without ${FIRST_NODE}`);
  return bytes;
}

/** What reads the size of an object that is no code from its line. */
function bytesReader(head: string): (node: string) => number {
  const { node_fields: fields, node_types } = (JSON.parse(`${head.replace(/,$/, "")}}`) as SnapshotHead).snapshot.meta;
  const code = String(node_types[0].indexOf("code"));
  const [typeAt, sizeAt] = [fields.indexOf("type"), fields.indexOf("self_size")];
  return (node) => {
    const numbers = node.match(/\d+/g) ?? [];
    return numbers[typeAt] === code ? 0 : Number(numbers[sizeAt]);
  };
}
