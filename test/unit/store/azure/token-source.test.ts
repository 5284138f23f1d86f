import { CredentialUnavailableError } from "@azure/identity";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { TokenError } from "../../../../src/store/azure/token-failure.ts";
import { type TokenCredentialLike, TokenSource } from "../../../../src/store/azure/token-source.ts";
import { FakeClock } from "../../../../src/testing/index.ts";
import { wallTime } from "../../../../src/time/clock.ts";
import { ServiceDouble } from "../../../support/service-double.ts";
import { settled } from "../../../support/settled.ts";

const SCOPE = "https://storage.azure.com/.default";
const HOUR_MS = 3_600_000;
type Answer = () => unknown;

const tokenFor = (ms: number, token = "t") => ({ token, expiresOnTimestamp: wallTime() + ms });
const never = () => new Promise<never>(() => undefined);
const noNetwork = () => Promise.reject(new CredentialUnavailableError("network_error"));
const notSetUp = () => Promise.reject(new CredentialUnavailableError("nothing is set up"));

/** Answers as it is told, the last answer again and again, and keeps what it was asked with. */
function credential(...answers: Answer[]) {
  const asked: { abortSignal?: AbortSignal; claims?: string }[] = [];
  return {
    asked,
    getToken(_scopes: string | string[], options: object = {}) {
      asked.push(options);
      return (answers[asked.length - 1] ?? answers.at(-1) ?? never)() as ReturnType<TokenCredentialLike["getToken"]>;
    },
  };
}

function scene(...answers: Answer[]) {
  const clock = new FakeClock();
  const asked = credential(...answers);
  const source = new TokenSource(asked, clock);
  return { clock, asked: asked.asked, source, get: () => source.getToken(SCOPE) };
}

describe("a request for a token", () => {
  it("that is slow is made once, for all who ask meanwhile, and outlives each of them", async () => {
    const { clock, asked, source } = scene(
      () => new Promise((resolve) => clock.setTimer(8_000, () => resolve(tokenFor(HOUR_MS)))),
    );
    const requests = Array.from({ length: 3 }, () => source.getToken(SCOPE, { abortSignal: AbortSignal.abort() }));
    await clock.advance(8_000);
    expect(await Promise.all(requests)).toMatchObject([{ token: "t" }, { token: "t" }, { token: "t" }]);
    expect(asked).toHaveLength(1);
  });

  it("that is not answered is sent again beside the first, and the first answer counts", async () => {
    const { clock, asked, get } = scene(never, () => Promise.resolve(tokenFor(HOUR_MS, "second")));
    const token = get();
    await clock.advance(9_900);
    expect(asked).toHaveLength(1);
    await clock.advance(200);
    expect(await token).toMatchObject({ token: "second" });
    expect(asked[0]?.abortSignal?.aborted).toBe(true);
  });

  it("is given up after half a minute, and the next asks anew", async () => {
    const { clock, asked, get } = scene(never, never, () => Promise.resolve(tokenFor(HOUR_MS)));
    const outcome = await settled(clock, get(), 31_000);
    expect(outcome).toMatchObject({
      reason: { kind: "unsure", cause: { message: "no answer to the request for a token within 30 s" } },
    });
    expect(asked.map(({ abortSignal }) => abortSignal?.aborted)).toEqual([true, true]);
    expect(await get()).toMatchObject({ token: "t" });
  });

  it.each<[string, Answer, string]>([
    [
      "throws",
      () => {
        throw new TypeError("x is no function");
      },
      "unsure",
    ],
    ["gives null", () => Promise.resolve(null), "unavailable"],
    ["gives nothing, and not even a promise", () => undefined, "unavailable"],
    ["gives an empty token", () => Promise.resolve({ token: "", expiresOnTimestamp: 4e12 }), "unavailable"],
    ["is not set up", notSetUp, "unavailable"],
    ["has no network", noNetwork, "unsure"],
  ])("of a credential that %s fails, and is asked anew", async (_, answer, kind) => {
    const { get, asked } = scene(answer, () => Promise.resolve(tokenFor(HOUR_MS)));
    const thrown = await get().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(TokenError);
    expect(thrown).toMatchObject({ kind });
    expect(await get()).toMatchObject({ token: "t" });
    expect(asked).toHaveLength(2);
  });

  it("that finds nothing to sign in with is unsure where there was a token before", async () => {
    const { get } = scene(
      () => Promise.resolve(tokenFor(0)),
      notSetUp,
      () => Promise.resolve(null),
    );
    await get();
    await expect(get()).rejects.toMatchObject({ kind: "unsure" });
    await expect(get()).rejects.toMatchObject({ kind: "unsure" });
  });
});

describe("a token", () => {
  it("is kept, and the SDK is told to ask for it each time: it would refresh it behind our back", async () => {
    const { get, asked } = scene(() => Promise.resolve(tokenFor(HOUR_MS)));
    for (let n = 0; n < 3; n += 1) expect(await get()).toMatchObject({ token: "t", expiresOnTimestamp: 0 });
    expect(asked).toHaveLength(1);
  });

  it("that is about to expire is used while the next is fetched, also if that fails again and again", async () => {
    const { get, asked, clock } = scene(
      () => Promise.resolve(tokenFor(60_000)),
      noNetwork,
      noNetwork,
      () => Promise.resolve(tokenFor(HOUR_MS, "next")),
    );
    await get();
    for (let second = 0; second < 6; second += 1) {
      expect(await get()).toMatchObject({ token: "t" });
      await clock.advance(1_000);
    }
    expect(asked).toHaveLength(3);
    await get();
    await clock.advance(0);
    expect(await get()).toMatchObject({ token: "next" });
    expect(asked).toHaveLength(4);
  });

  it("that has expired when it comes is used for one request: it may be the clock that is wrong", async () => {
    const { get, asked } = scene(() => Promise.resolve(tokenFor(-1)));
    expect(await get()).toMatchObject({ token: "t" });
    expect(await get()).toMatchObject({ token: "t" });
    expect(asked).toHaveLength(2);
  });

  it("is fetched anew for a challenge, and for each tenant", async () => {
    const { source, asked } = scene(() => Promise.resolve(tokenFor(HOUR_MS, `t${asked.length}`)));
    await source.getToken(SCOPE);
    expect(await source.getToken(SCOPE, { claims: "c" })).toMatchObject({ token: "t2" });
    expect(await source.getToken(SCOPE)).toMatchObject({ token: "t2" });
    expect(await source.getToken(SCOPE, { tenantId: "other" })).toMatchObject({ token: "t3" });
    expect(asked).toHaveLength(3);
  });
});

describe("a mutex whose credential", () => {
  function mutexWith(...answers: Answer[]) {
    const clock = new FakeClock();
    const service = new ServiceDouble(clock);
    const tokens = credential(...answers);
    return {
      clock,
      service,
      asked: tokens.asked,
      mutex: new AzureMutex({ containerClient: service.client(undefined, undefined, tokens), clock }),
    };
  }

  it("does not answer once works as soon as it is asked anew", async () => {
    const { clock, mutex } = mutexWith(never, () => Promise.resolve(tokenFor(HOUR_MS)));
    expect(await settled(clock, mutex.locker("job").lock(), 11_000)).toMatchObject({ value: { isHeld: true } });
  });

  it("does not answer for long is told to be out of reach, and works afterwards", async () => {
    const { clock, mutex, asked } = mutexWith(never, never, () => Promise.resolve(tokenFor(HOUR_MS)));
    expect(await settled(clock, mutex.locker("job").lock(), 25_000)).toMatchObject({
      reason: { code: "STORE_UNAVAILABLE", answered: false },
    });
    expect(await settled(clock, mutex.locker("job").lock(), 25_000)).toMatchObject({ value: { isHeld: true } });
    expect(asked).toHaveLength(3);
  });

  it("has no network for a while is waited out, as the service is", async () => {
    let isAway = true;
    const { clock, mutex } = mutexWith(() => (isAway ? noNetwork() : Promise.resolve(tokenFor(HOUR_MS))));
    const waiting = [mutex.locker("job", { fair: true }).lock(), mutex.locker("other").lock()];
    await clock.advance(10_000);
    isAway = false;
    for (const lock of waiting) expect(await settled(clock, lock, 5_000)).toMatchObject({ value: { isHeld: true } });
  });

  it("has no network for a while keeps a lock, also where the credential then calls itself not set up", async () => {
    let answer: Answer = () => Promise.resolve(tokenFor(0));
    const { clock, mutex } = mutexWith(() => answer());
    const { value: lock } = (await settled(clock, mutex.locker("job").lock(), 5_000)) as { value: { isHeld: boolean } };
    answer = notSetUp;
    await clock.advance(15_000);
    expect(await settled(clock, mutex.locker("other").lock({ timeoutMs: 3_000 }), 5_000)).toMatchObject({
      reason: { code: "LOCK_TIMEOUT" },
    });
    answer = () => Promise.resolve(tokenFor(0));
    await clock.advance(60_000);
    expect(lock.isHeld).toBe(true);
  });

  it.each([
    ["is not set up", notSetUp],
    ["gives null", () => Promise.resolve(null)],
  ] as const)("%s is refused at once", async (_, answer) => {
    const { clock, mutex } = mutexWith(answer);
    expect(await settled(clock, mutex.locker("job").lock(), 100)).toMatchObject({ reason: { code: "ACCESS_DENIED" } });
  });
});
