import { afterEach, describe, expect, it } from "vitest";
import { GAMES } from "../../lab/simulation/games.ts";
import { useLightSignals } from "../../lab/simulation/light-signals.ts";
import { simulate } from "../../lab/simulation/simulation.ts";
import { withoutStacks } from "../seeded/simulation/simulated-seeds.ts";

describe("light signals", () => {
  withoutStacks();
  let useNodes: (() => void) | undefined;
  afterEach(() => useNodes?.());

  it.each(GAMES)("change nothing in what happens: %s", async (game) => {
    for (const seed of [7, 11, 13]) {
      const plan = { seed, game, isTold: true };
      const { history: exported, ...told } = await simulate(plan);
      useNodes = useLightSignals();
      const { history, ...light } = await simulate(plan);
      expect({ ...light, history: history() }).toEqual({ ...told, history: exported() });
      useNodes();
    }
  });

  /** What is called, and by which signal, when listeners come and go while a signal aborts. */
  function heard(): readonly unknown[] {
    const heard: unknown[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    const gone = (): void => void heard.push("gone");
    const second = (): void => void heard.push("second");
    const last = (): void => {
      heard.push("last");
      signal.addEventListener("abort", () => heard.push("too late"));
    };
    const first = ({ type, target }: Event): void => {
      heard.push([type, target === signal, signal.aborted, signal.reason]);
      signal.removeEventListener("abort", gone);
      signal.addEventListener("abort", last);
      controller.abort("again");
    };
    signal.addEventListener("abort", first, { once: true });
    signal.addEventListener("abort", first);
    signal.addEventListener("abort", gone);
    signal.addEventListener("abort", second);
    controller.abort("why");
    heard.push(signal.reason, controller.signal === signal);
    const source = new AbortController();
    const dependent = AbortSignal.any([AbortSignal.any([source.signal])]);
    dependent.addEventListener("abort", () => heard.push("dependent"));
    source.signal.addEventListener("abort", () => heard.push("source"));
    const { getEventListeners } = process.getBuiltinModule("node:events");
    heard.push(getEventListeners(dependent, "abort").length);
    source.abort("both");
    heard.push(dependent.reason, AbortSignal.any([source.signal]).reason);
    const plain = new AbortController();
    plain.abort();
    heard.push(String(plain.signal.reason));
    try {
      plain.signal.throwIfAborted();
    } catch (error) {
      heard.push(error === plain.signal.reason);
    }
    return heard;
  }

  it("call their listeners as Node's do", () => {
    const nodes = heard();
    useNodes = useLightSignals();
    const light = heard();
    expect(light).toEqual(nodes);
    expect(light.length).toBeGreaterThan(5);
  });

  it("refuse what they do not do", () => {
    useNodes = useLightSignals();
    const { signal } = new AbortController();
    expect(() => signal.addEventListener("other", () => undefined)).toThrow(TypeError);
    expect(() => signal.addEventListener("abort", () => undefined, { passive: true })).toThrow(TypeError);
    expect(() => AbortSignal.timeout(1)).toThrow(TypeError);
  });
});
