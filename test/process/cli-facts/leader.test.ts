import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import type { LeaderJson, LeaderWatchJson } from "../../../src/cli/output/json.ts";
import { LeaderElection } from "../../../src/index.ts";
import { ISO, linesOf, own, ownNamed, Place, SINCE, TIME, TOKEN } from "./place.ts";

describe.concurrent("azmutex leader", () => {
  it("says that there is no leader, or which, with one request", async (test) => {
    const place = await Place.open(test);
    expect(await place.out("leader", ["office"])).toBe("office: no leader\n");
    expect(place.requests()).toEqual(["read"]);
    expect(await place.json("leader", ["office"])).toEqual({ ...place.where, name: "office", leader: null });
    const leadership = await new LeaderElection(place.mutex, "office", {
      candidate: "blue",
      data: "http://10.0.0.7",
    }).campaign();
    expect(linesOf(await place.out("leader", ["office"]))).toEqual([
      "office: led",
      `  leader  ${ownNamed("blue")}`,
      `  term    ${leadership.term}`,
      expect.stringMatching(new RegExp(`^ {2}since {3}${SINCE}$`)),
      "  data    http://10.0.0.7",
    ]);
    expect(await place.json<LeaderJson>("leader", ["office"])).toEqual({
      ...place.where,
      name: "office",
      leader: { term: leadership.term, candidate: "blue", holder: own("blue"), since: ISO, data: "http://10.0.0.7" },
    });
    await leadership.resign();
    expect(await place.out("leader", ["office"])).toBe("office: no leader\n");
  });

  it("says with --exit-code whether there is one", async (test) => {
    const place = await Place.open(test);
    const code = async (): Promise<number | null> => (await place.end("leader", ["--exit-code", "office"])).code;
    expect(await code()).toBe(3);
    const leadership = await new LeaderElection(place.mutex, "office").campaign();
    expect(await code()).toBe(0);
    await leadership.release();
    expect(await code()).toBe(3);
  });

  it("prints each change until it is interrupted, also through an outage", async (test) => {
    const place = await Place.open(test);
    const watch = place.start("leader", ["office", "--watch", "--every", "500ms"]);
    const json = place.start("leader", ["office", "--watch", "--every", "500ms", "--json"]);
    await Promise.all([watch.printed(new RegExp(`^${TIME} office no leader\n$`)), json.printed(/"leader":null/)]);
    const election = place.start("elect", ["office", "--candidate", "blue", "--data", "one", "--", "sleep", "600"]);
    await Promise.all([watch.printed(/office led by blue in term \d+: one\n/), json.printed(/"blue"/)]);
    place.proxy.serverBusy("read");
    await watch.printed(/still watching/);
    place.proxy.heal();
    await watch.printed(/the service answers again/);
    election.kill("SIGTERM");
    await Promise.all([watch.printed(/led by blue.*\n.*no leader\n$/), json.printed(/"blue".*\n.*null/)]);
    watch.kill("SIGINT");
    json.kill("SIGTERM");
    expect(await watch.ended).toMatchObject({ code: 130 });
    expect(await json.ended).toMatchObject({ code: 143 });
    expect(linesOf(watch.out)).toHaveLength(3);
    const leader = {
      term: TOKEN,
      candidate: "blue",
      holder: { name: "blue", host: hostname(), pid: election.pid },
      since: ISO,
      data: "one",
    };
    expect(linesOf(json.out).map((line) => JSON.parse(line) as LeaderWatchJson)).toEqual([
      { at: ISO, ...place.where, name: "office", leader: null },
      { at: ISO, ...place.where, name: "office", leader },
      { at: ISO, ...place.where, name: "office", leader: null },
    ]);
  });
});
