/**
 * When this process was started, in ticks since the machine was: with its pid that names it for as long as the machine
 * runs. Undefined where Linux does not say, or numbers processes otherwise than this process does.
 */
export function ownStart(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const { readFileSync, readlinkSync } = process.getBuiltinModule("node:fs");
  try {
    // /proc may be that of another PID namespace.
    if (readlinkSync("/proc/self") !== String(process.pid)) return undefined;
    const text = readFileSync("/proc/self/stat", "latin1");
    // The 22nd field; the second, the name, may contain anything.
    const startedAt = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isSafeInteger(startedAt) ? startedAt : undefined;
  } catch {
    return undefined;
  }
}
