import type { LockSpace } from "../lock-space.ts";
import { type EndingProcess, isOwn, ownListener } from "./ending-process.ts";
import { releaseAtExit } from "./release-at-exit.ts";

/** What is released at the end of a process. */
export interface PlannedRelease {
  readonly spaces: readonly LockSpace[];
  /** Asked at the end: whether work under these locks goes on outside of this process. An error counts as true. */
  isWorking(): boolean;
  /** Called at the end if something that this was to release may stand for longer, because work goes on or else. */
  onLeft(isWorking: boolean): void;
}

const RELEASES = new WeakMap<EndingProcess, ExitReleases>();

/** Releases it at the end of the process, until the returned function is called. */
export function atExit(host: EndingProcess, release: PlannedRelease): () => void {
  const releases = RELEASES.get(host) ?? new ExitReleases(host);
  RELEASES.set(host, releases);
  return releases.add(release);
}

/** All that is released at the end of a process, each mutex once, by one child process. */
class ExitReleases {
  readonly #host: EndingProcess;
  readonly #releases = new Set<PlannedRelease>();
  #stopListening = (): void => undefined;

  constructor(host: EndingProcess) {
    this.#host = host;
  }

  add(release: PlannedRelease): () => void {
    if (this.#releases.size === 0) this.#stopListening = onLastExit(this.#host, () => this.#release());
    this.#releases.add(release);
    return () => {
      if (this.#releases.delete(release) && this.#releases.size === 0) this.#stopListening();
    };
  }

  #release(): void {
    const all = [...this.#releases];
    // Where several name a mutex, one that says that work goes on is enough.
    const working = new Set(all.filter(isWorking).flatMap(({ spaces }) => spaces));
    const spaces = new Set(all.flatMap((release) => release.spaces).filter((space) => !working.has(space)));
    const isReleased = releaseAtExit(this.#host, spaces);
    for (const release of all) {
      const left = release.spaces.filter(({ standing }) => [...standing].length > 0);
      const isWorking = left.some((space) => working.has(space));
      if (isWorking || (left.length > 0 && !isReleased)) release.onLeft(isWorking);
    }
  }
}

function isWorking(release: PlannedRelease): boolean {
  try {
    return release.isWorking();
  } catch {
    return true;
  }
}

/**
 * Calls back at the end of the process, after all listeners to it that are there and that are added later. Where one is
 * added and the process ends before the next turn, it does not call back. Returns what calls it off.
 */
function onLastExit(host: EndingProcess, callback: () => void): () => void {
  let isOver = false;
  const atExit = ownListener(callback, { isEnding: true });
  const moveBehind = (name: unknown, added: unknown): void => {
    // Listeners of azmutex run no code of the program. Two of them would move behind each other for ever.
    if (name !== "exit" || isOwn(added)) return;
    host.off("exit", atExit);
    queueMicrotask(() => {
      host.off("exit", atExit);
      if (!isOver) host.on("exit", atExit);
    });
  };
  host.on("exit", atExit);
  host.on("newListener", moveBehind);
  return () => {
    isOver = true;
    host.off("exit", atExit);
    host.off("newListener", moveBehind);
  };
}
