import { readFileSync } from "node:fs";
import { CommandError, EXIT } from "./exit-codes.ts";

/** The character that Node puts in the place of bytes that are not UTF-8. */
const REPLACEMENT = "\uFFFD";

/** Whether Node may have read bytes that are not UTF-8 as this text. */
export function isLossy(text = ""): boolean {
  return text.includes(REPLACEMENT);
}

/**
 * Throws a {@link CommandError} for an argument with bytes that are not UTF-8. Node cannot pass them on, and two keys
 * that differ in them would be one. Where the bytes cannot be read again, the replacement character itself is refused.
 */
export function refuseLossyArguments(args: readonly string[], platform: NodeJS.Platform = process.platform): void {
  if (!args.some(isLossy)) return;
  const bytes = platform === "linux" ? ownArguments().slice(-args.length) : [];
  const index = args.findIndex((argument, at) => isLossy(argument) && !bytes[at]?.equals(Buffer.from(argument)));
  if (index === -1) return;
  throw new CommandError(
    `argument ${index + 1} (${JSON.stringify(args[index])}) is not UTF-8, and Node cannot pass it on as it is; ` +
      "let a shell within the command make it, with printf and octal numbers say",
    EXIT.usage,
  );
}

function ownArguments(): Buffer[] {
  try {
    const all = readFileSync("/proc/self/cmdline");
    const ends = [...all.entries()].filter(([, byte]) => byte === 0).map(([at]) => at);
    return ends.map((end, index) => all.subarray(index === 0 ? 0 : (ends[index - 1] as number) + 1, end));
  } catch {
    return [];
  }
}
