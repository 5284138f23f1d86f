import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A program of its own that uses the build in `dist/`, as `import "azmutex"` finds it. */
export interface Script {
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** Resolves when it has printed the text. */
  printed(text: string): Promise<void>;
  /** Resolves when it has ended, with its exit code or signal and how long it ran. */
  readonly ended: Promise<{ code: number | null; signal: string | null; ms: number }>;
}

/** Runs the module with `mutex`, `Locker` and `AzureMutex` at hand, on the storage behind the connection string. */
export function run(connectionString: string, code: string, env: Readonly<Record<string, string>> = {}): Script {
  const prelude = `
    import { AzureMutex, Locker } from "azmutex";
    const mutex = new AzureMutex({ connectionString: process.env.STORAGE, containerName: "locks" });
  `;
  const began = performance.now();
  const child = spawn(process.execPath, ["--input-type=module", "--eval", prelude + code], {
    env: { ...process.env, STORAGE: connectionString, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const look of waiting) look();
    });
  }
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ms: performance.now() - began }));
  return {
    child,
    output: () => output,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        ended.then(() => reject(new Error(`it ended without printing ${JSON.stringify(text)}:\n${output}`)));
      }),
    ended,
  };
}
