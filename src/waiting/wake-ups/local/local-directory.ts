import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { quietly } from "../../../telemetry/observation.ts";
import { LocalDirectoryError } from "./local-directory-error.ts";

const FOR_OWNER = 0o700;
const OTHERS_MAY = 0o077;
const MEMBER_ID = /^[1-9]\d{0,9}-[0-9a-f]{16}$/;
const SOCKET = "socket";
/** What the path of a socket may have, in bytes. Those of the BSDs, macOS among them, have less than Linux. */
const LONGEST_SOCKET = { linux: 107, others: 103 };

/** What decides on which machine this is. */
export interface LocalMachine {
  readonly platform: NodeJS.Platform;
  /** Undefined on Windows. */
  readonly uid: number | undefined;
}

const thisMachine = (): LocalMachine => ({ platform: process.platform, uid: process.geteuid?.() });

/**
 * The directory by which the processes of one user find each other. Each has a directory of its own in it, named by its
 * id, with its socket and an empty file for each topic it listens to. Windows has no sockets in directories: there they
 * are named pipes, by names that cannot be guessed.
 */
export class LocalDirectory {
  readonly path: string;
  readonly #machine: LocalMachine;

  /** Default: a directory of this user among the machine's temporary files. */
  constructor(path: string | undefined, machine: LocalMachine = thisMachine()) {
    this.path = path === undefined ? join(tmpdir(), `azmutex-${machine.uid ?? userInfo().username}`) : resolve(path);
    this.#machine = machine;
  }

  /** Where the process of this id listens. Throws `LocalDirectoryError` where the path is too long for a socket. */
  socketOf(id: string): string {
    if (this.#isWindows) return String.raw`\\.\pipe\azmutex-${id}`;
    const path = join(this.path, id, SOCKET);
    const most = this.#machine.platform === "linux" ? LONGEST_SOCKET.linux : LONGEST_SOCKET.others;
    if (Buffer.byteLength(path) <= most) return path;
    throw this.#refused("ENAMETOOLONG", `its path is too long: that of a socket in it has more than ${most} bytes`);
  }

  /** The ids of the processes that have something here. None where the directory is not there. */
  ids(): readonly string[] {
    try {
      this.#check();
      return readdirSync(this.path).filter((name) => MEMBER_ID.test(name));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** Whether a process listens to a topic. */
  isListening(id: string, topic: string): boolean {
    return existsSync(join(this.path, id, topic));
  }

  /** Makes a directory for a process, and the one of all. Throws `LocalDirectoryError` or the system's error. */
  enter(id: string): void {
    this.#make();
    this.#check();
    mkdirSync(join(this.path, id), { mode: FOR_OWNER });
  }

  /** Says that a process which has entered listens to a topic. Throws the system's error. */
  add(id: string, topic: string): void {
    writeFileSync(join(this.path, id, topic), "", { mode: 0o600 });
  }

  end(id: string, topic: string): void {
    quietly(() => unlinkSync(join(this.path, id, topic)));
  }

  /** Removes everything that a process has here. What stays there is found again, and no process listens. */
  remove(id: string): void {
    const own = join(this.path, id);
    quietly(() => {
      for (const name of readdirSync(own)) quietly(() => unlinkSync(join(own, name)));
      rmdirSync(own);
    });
  }

  /** Whether a process is found by a topic: its socket and the topic are there. */
  isFoundBy(id: string, topic: string): boolean {
    const names = this.#isWindows ? [topic] : [SOCKET, topic];
    return names.every((name) => this.isListening(id, name));
  }

  get #isWindows(): boolean {
    return this.#machine.platform === "win32";
  }

  #make(): void {
    try {
      mkdirSync(this.path, { mode: FOR_OWNER });
    } catch (error) {
      const code = systemCode(error);
      if (code !== "EEXIST") throw this.#refused(code, `it cannot be made (${code})`);
    }
  }

  #check(): void {
    const found = lstatSync(this.path);
    if (found.isSymbolicLink()) throw this.#refused("ELOOP", "it is a symbolic link");
    if (!found.isDirectory()) throw this.#refused("ENOTDIR", "it is no directory");
    // Windows gives each user a directory for temporary files that others cannot enter.
    if (this.#isWindows) return;
    if (found.uid !== this.#machine.uid) throw this.#refused("EPERM", "it belongs to another user");
    if ((found.mode & OTHERS_MAY) !== 0) throw this.#refused("EPERM", "other users may read or write it (chmod 700)");
  }

  #refused(code: string, why: string): LocalDirectoryError {
    return new LocalDirectoryError(`${this.path}: ${why}`, code);
  }
}

const systemCode = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "EIO";
