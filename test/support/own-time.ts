const TICK_MS = 10;

/**
 * Time as this process sees it, in ticks that the event loop has to come round for: a stall of the whole process,
 * however long, is one tick. It never runs faster than the machine's clock, and slows down as the process does when
 * others take its processor. What must not take longer than a limit is held to the limit by this clock; by the
 * machine's it would fail whenever the machine is busy.
 */
export const ownTime: { now(): number } = (() => {
  let ms = 0;
  setInterval(() => {
    ms += TICK_MS;
  }, TICK_MS).unref();
  return { now: () => ms };
})();
