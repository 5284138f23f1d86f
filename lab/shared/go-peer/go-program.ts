import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROJECT } from "../project.ts";
import { NotRunError } from "./not-run.ts";

/** Where go-azuremutex knows the emulator, on 127.0.0.1 and nowhere else. */
export const GO_PORT = 10_000;

/** A program of a folder beside this one, and the module that it is there for. */
interface GoSources {
  readonly folder: "go-peer" | "judge";
  readonly module: string;
}

/** Locks with the published go-azuremutex. */
const GO_PEER: GoSources = { folder: "go-peer", module: "github.com/youscan/go-azuremutex" };
/** Judges histories by Porcupine. */
export const JUDGE: GoSources = { folder: "judge", module: "github.com/anishathalye/porcupine" };

export interface GoProgram {
  readonly file: string;
  /** `v0.4.0` */
  readonly moduleVersion: string;
  /** `go1.26.8` */
  readonly goVersion: string;
}

/**
 * Builds a program of Go's, by default the one that locks with go-azuremutex. Throws a `NotRunError` where Go is not
 * installed, or a module cannot be had. Another content than `go.sum` vouches for, and a program that does not compile,
 * are failures.
 */
export function buildGoProgram(into: string, { folder, module }: GoSources = GO_PEER): GoProgram {
  // Go's sources are not compiled by tsc: they stay where they are.
  const sources = fileURLToPath(new URL(`lab/shared/${folder}/`, PROJECT));
  const go = (...parameters: string[]): GoResult =>
    spawnSync("go", parameters, { cwd: sources, encoding: "utf8", maxBuffer: Infinity });
  const version = go("env", "GOVERSION");
  if (version.error) throw new NotRunError("Go is not installed: there is no command go");
  download(go("mod", "download"), module);
  const file = join(into, process.platform === "win32" ? `${folder}.exe` : folder);
  // Without the commit of the repository in it: git may not be there, or refuse to say.
  const built = go("build", "-buildvcs=false", "-o", file, ".");
  if (built.status !== 0) throw new Error(`the Go program does not compile:\n${built.stderr.trimEnd()}`);
  const listed = go("list", "-m", "-f", "{{.Version}}", module);
  return { file, moduleVersion: listed.stdout.trim(), goVersion: version.stdout.trim() };
}

interface GoResult {
  readonly error?: Error;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function download({ status, stderr }: GoResult, module: string): void {
  if (status === 0) return;
  if (/checksum mismatch|SECURITY ERROR|go\.sum/.test(stderr))
    throw new Error(`the Go modules are not what go.sum vouches for:\n${stderr.trimEnd()}`);
  if (/requires go >=|invalid go version/.test(stderr)) throw new NotRunError(`this Go is too old: ${oneLine(stderr)}`);
  // One message for each module; further lines of it are indented.
  const reasons = stderr.split(/^go: /m).filter((message) => /^\S+@v\S+: /.test(message));
  // The module that all this is about first: where it cannot be had, others may not be either.
  const reason = reasons.find((message) => message.startsWith(`${module}@`)) ?? reasons[0];
  if (reason === undefined) throw new Error(`go mod download failed:\n${stderr.trimEnd()}`);
  throw new NotRunError(`a Go module cannot be fetched: ${oneLine(reason)}`);
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, "; ");
}
