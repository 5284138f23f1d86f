import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NotRunError } from "./not-run.ts";

/** Go's sources are not compiled by tsc: they stay where they are, beside these. */
const SOURCES = fileURLToPath(new URL("../../../../lab/shared/go-peer/", import.meta.url));
/** Where go-azuremutex knows the emulator, on 127.0.0.1 and nowhere else. */
export const GO_PORT = 10_000;
const MODULE = "github.com/youscan/go-azuremutex";

export interface GoProgram {
  readonly file: string;
  /** `v0.4.0` */
  readonly moduleVersion: string;
  /** `go1.26.8` */
  readonly goVersion: string;
}

/**
 * Builds the program that locks with the published go-azuremutex. Throws a `NotRunError` where Go is not installed, or
 * a module cannot be had. Another content than `go.sum` vouches for, and a program that does not compile, are failures.
 */
export function buildGoProgram(folder: string): GoProgram {
  const version = go("env", "GOVERSION");
  if (version.error) throw new NotRunError("Go is not installed: there is no command go");
  download();
  const file = join(folder, process.platform === "win32" ? "go-peer.exe" : "go-peer");
  // Without the commit of the repository in it: git may not be there, or refuse to say.
  const built = go("build", "-buildvcs=false", "-o", file, ".");
  if (built.status !== 0) throw new Error(`the Go program does not compile:\n${built.stderr.trimEnd()}`);
  const listed = go("list", "-m", "-f", "{{.Version}}", MODULE);
  return { file, moduleVersion: listed.stdout.trim(), goVersion: version.stdout.trim() };
}

function download(): void {
  const { status, stderr } = go("mod", "download");
  if (status === 0) return;
  if (/checksum mismatch|SECURITY ERROR|go\.sum/.test(stderr))
    throw new Error(`the Go modules are not what go.sum vouches for:\n${stderr.trimEnd()}`);
  if (/requires go >=|invalid go version/.test(stderr)) throw new NotRunError(`this Go is too old: ${oneLine(stderr)}`);
  // One message for each module; further lines of it are indented.
  const reasons = stderr.split(/^go: /m).filter((message) => /^\S+@v\S+: /.test(message));
  // The module that all this is about first: where it cannot be had, others may not be either.
  const reason = reasons.find((message) => message.startsWith(`${MODULE}@`)) ?? reasons[0];
  if (reason === undefined) throw new Error(`go mod download failed:\n${stderr.trimEnd()}`);
  throw new NotRunError(`a Go module cannot be fetched: ${oneLine(reason)}`);
}

function go(...parameters: string[]): { error?: Error; status: number | null; stdout: string; stderr: string } {
  return spawnSync("go", parameters, { cwd: SOURCES, encoding: "utf8", maxBuffer: Infinity });
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, "; ");
}
