import { type EndingProcess, isOwn, ownListener } from "./ending-process.ts";

/**
 * Calls back at the end of the process, after all listeners to it that are there and that are added later. Where one is
 * added and the process ends before the next turn, it does not call back. Returns what calls it off.
 */
export function onLastExit(host: EndingProcess, callback: () => void): () => void {
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
