import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A pipe or a socket of this machine between two processes. */
function pipes(): number[] {
  // The first column that is an address of the kernel says nothing; the fourth is 00010000 of a listening socket.
  const sockets = new Set(
    readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .map((line) => line.split(/\s+/))
      .flatMap(([, , , flags, , , inode]) => (flags === "00000000" && inode !== undefined ? [inode] : [])),
  );
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => {
      const [, kind, inode = ""] = /^(pipe|socket):\[(\d+)\]$/.exec(target(fd)) ?? [];
      return fd > 2 && (kind === "pipe" || (kind === "socket" && sockets.has(inode)));
    });
}

function target(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The one that the list was read by.
    return "";
  }
}

/** Those that this process had at its start: of Node itself, and to its parent. */
const ownPipes: ReadonlySet<number> = new Set(pipes());

/** Closes every pipe to a process that this one has started, without a word to the code that has opened it. */
export function closePipes(): void {
  for (const fd of pipes().filter((one) => !ownPipes.has(one))) {
    closeSync(fd);
    // The code that has opened it will write to this number: nothing else may have it.
    const others: number[] = [];
    let replaced = openSync("/dev/null", "r+");
    while (replaced !== fd) {
      others.push(replaced);
      replaced = openSync("/dev/null", "r+");
    }
    for (const other of others) closeSync(other);
  }
}
