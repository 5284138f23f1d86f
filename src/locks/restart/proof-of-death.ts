import { statfs } from "node:fs/promises";
import { isGone, type ProcessIdentity } from "../process-identity.ts";
import { lifeSign } from "./life-socket.ts";
import type { StateRecord } from "./state-file.ts";

/**
 * The file systems that one machine has for itself, as `statfs` numbers them. A socket in any other may be another
 * machine's, whose connections this kernel refuses as well.
 */
const LOCAL = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0xca451a4e, // bcachefs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
]);

/**
 * Whether the process that wrote the record is dead, for certain. What this process cannot know counts as alive. A
 * stopped process is alive: the kernel accepts connections for it. To be asked in a directory that {@link isLocal}.
 */
export async function isDead(record: StateRecord, here: ProcessIdentity, directory: string): Promise<boolean> {
  const { process: writer, socket } = record;
  if (writer.host !== here.host || writer.bootId !== here.bootId) return false;
  const sign = socket ? await lifeSign(directory, socket) : "unknown";
  if (sign === "listens") return false;
  // Elsewhere the pid is another process's.
  return writer.namespaces === here.namespaces ? isGone(writer) : sign === "isDead";
}

/** Whether the directory is this machine's alone. */
export async function isLocal(directory: string): Promise<boolean> {
  const { type } = await statfs(directory);
  return LOCAL.has(type);
}
