import type { KeyWakeUps } from "./key-wake-ups.ts";
import type { WakeUpOrder, WakeUpWait } from "./wake-up-wait.ts";

/** Waits for what so many can hold: woken by messages, or by polling where there is no channel. */
export function woken<T>(
  loading: Promise<KeyWakeUps | undefined> | undefined,
  order: WakeUpOrder,
  wait: (wakeUps: WakeUpWait | undefined) => Promise<T>,
): Promise<T> {
  return loading ? wokenBy(loading, order, wait) : wait(undefined);
}

async function wokenBy<T>(
  loading: Promise<KeyWakeUps | undefined>,
  order: WakeUpOrder,
  wait: (wakeUps: WakeUpWait | undefined) => Promise<T>,
): Promise<T> {
  const wakeUps = (await loading)?.wait(order);
  try {
    const got = await wait(wakeUps);
    wakeUps?.foundFree();
    return got;
  } finally {
    wakeUps?.end();
  }
}
