import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { localWakeUps } from "../../../../../src/index.ts";
import { messageLine } from "../../../../../src/waiting/wake-ups/local/local-line.ts";
import { LocalWorld, TOPIC } from "../../../../support/local-world.ts";

const OTHER_TOPIC = "a1".repeat(32);
/** No process has such a number. */
const DEAD = "999999999-0123456789abcdef";
const DEAF = `${process.pid}-0123456789abcdef`;

describe("a member of local wake-ups", () => {
  it("hears from the moment it has subscribed what others and itself say of its topic, and nothing else", async () => {
    const world = new LocalWorld();
    const [one, two, three] = [await world.listener(), await world.listener(), await world.listener(OTHER_TOPIC)];
    one.member.publish(TOPIC, "released");
    three.member.publish(TOPIC, "taken x");
    await expect.poll(() => one.heard).toEqual(["released", "taken x"]);
    await expect.poll(() => [...two.heard].sort()).toEqual(["released", "taken x"]);
    two.member.publish(OTHER_TOPIC, "left y");
    await expect.poll(() => three.heard).toEqual(["left y"]);
    expect(one.heard).toHaveLength(2);
  });

  it("calls each listener of a topic until its own subscription ends", async () => {
    const world = new LocalWorld();
    const { member, heard, end } = await world.listener();
    const again = await member.subscribe(TOPIC, (message) => heard.push(`again ${message}`));
    world.member().publish(TOPIC, "1");
    await expect.poll(() => heard).toEqual(["1", "again 1"]);
    end();
    end();
    world.member().publish(TOPIC, "2");
    await expect.poll(() => heard).toEqual(["1", "again 1", "again 2"]);
    again();
    await expect.poll(() => readdirSync(world.path)).toEqual([]);
  });

  it("is in the directory only while it is subscribed, and may come again", async () => {
    const world = new LocalWorld();
    const { member, end } = await world.listener();
    const endOther = await member.subscribe(OTHER_TOPIC, () => undefined);
    const [id = ""] = readdirSync(world.path);
    expect(readdirSync(join(world.path, id)).sort()).toEqual([TOPIC, OTHER_TOPIC, "socket"]);
    end();
    await expect.poll(() => readdirSync(join(world.path, id)).sort()).toEqual([OTHER_TOPIC, "socket"]);
    endOther();
    await expect.poll(() => readdirSync(world.path)).toEqual([]);
    const again = await member.subscribe(TOPIC, () => undefined);
    expect(readdirSync(world.path)).toHaveLength(1);
    again();
    expect(world.clock.pendingTimers()).toBe(0);
  });

  it("says nothing where no directory is, and makes none for that", () => {
    const world = new LocalWorld();
    world.member().publish(TOPIC, "released");
    expect(() => readdirSync(world.path)).toThrow("ENOENT");
  });

  it("takes no topic or message of another form", async () => {
    const world = new LocalWorld();
    const member = world.member();
    expect(() => member.publish(TOPIC, "a\nb")).toThrow(TypeError);
    await expect(member.subscribe("../../etc", () => undefined)).rejects.toThrow(TypeError);
  });

  it("goes on after lines that are no messages, and ends the connection at one that is too long", async () => {
    const world = new LocalWorld();
    const { heard } = await world.listener();
    const [id = ""] = readdirSync(world.path);
    const speaker = connect(join(world.path, id, "socket"));
    speaker.write(`GET / HTTP/1.1\n\n${"x".repeat(200)}\n${messageLine(TOPIC, "released")}`);
    await expect.poll(() => heard).toEqual(["released"]);
    const closed = new Promise((resolve) => speaker.on("error", resolve).on("close", resolve));
    speaker.write("x".repeat(100_000));
    await closed;
    world.member().publish(TOPIC, "left x");
    await expect.poll(() => heard).toEqual(["released", "left x"]);
  });
});

describe("a directory that was removed", () => {
  it("is made anew within two seconds, and the members hear each other again", async () => {
    const world = new LocalWorld();
    const { heard, member } = await world.listener();
    await world.listener();
    rmSync(world.path, { recursive: true });
    await world.clock.advance(2_000);
    await expect.poll(() => readdirSync(world.path)).toHaveLength(2);
    await expect
      .poll(() => readdirSync(world.path).map((id) => readdirSync(join(world.path, id)).length))
      .toEqual([2, 2]);
    world.member().publish(TOPIC, "released");
    await expect.poll(() => heard).toEqual(["released"]);
    // At once for a topic that is new.
    rmSync(world.path, { recursive: true });
    const end = await member.subscribe(OTHER_TOPIC, (message) => heard.push(message));
    world.member().publish(OTHER_TOPIC, "left x");
    await expect.poll(() => heard).toEqual(["released", "left x"]);
    end();
  });

  it("is found wanting topic by topic", async () => {
    const world = new LocalWorld();
    const { heard } = await world.listener();
    const [id = ""] = readdirSync(world.path);
    rmSync(join(world.path, id, TOPIC));
    await world.clock.advance(2_000);
    await expect
      .poll(() => {
        world.member().publish(TOPIC, "released");
        return heard;
      })
      .toContain("released");
  });

  it("is looked for again though something else was in its place for a while", async () => {
    const world = new LocalWorld();
    const { heard } = await world.listener();
    rmSync(world.path, { recursive: true });
    writeFileSync(world.path, "");
    await world.clock.advance(10_000);
    rmSync(world.path);
    await world.clock.advance(2_000);
    world.member().publish(TOPIC, "released");
    await expect.poll(() => heard).toEqual(["released"]);
  });
});

describe("a process that was killed", () => {
  it("is taken for a release of what it listened to, by those that have told it that they wait", async () => {
    const world = new LocalWorld();
    const { member, heard } = await world.listener();
    const other = await world.listener(OTHER_TOPIC);
    const { connections, kill } = await world.deaf(DEAF);
    member.publish(TOPIC, "waiting x");
    other.member.publish(TOPIC, "waiting y");
    await expect.poll(() => connections).toHaveLength(2);
    await kill();
    await expect.poll(() => [...heard].sort()).toEqual(["released", "waiting x", "waiting y"]);
    expect(other.heard).toEqual([]);
    // Nothing is sent to find out that it is dead.
    await expect.poll(() => readdirSync(world.path)).not.toContain(DEAF);
    expect(heard).toHaveLength(3);
  });

  it("is told from one that has left", async () => {
    const world = new LocalWorld();
    const { member, heard } = await world.listener();
    const { end, heard: saidTo } = await world.listener();
    member.publish(TOPIC, "waiting x");
    await expect.poll(() => saidTo).toEqual(["waiting x"]);
    end();
    await expect.poll(() => readdirSync(world.path)).toHaveLength(1);
    member.publish(TOPIC, "left x");
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(["waiting x", "left x"]);
  });

  it("is removed by the next message to it", async () => {
    const world = new LocalWorld();
    await world.listener(OTHER_TOPIC);
    const { kill } = await world.deaf(DEAF);
    await kill();
    world.member().publish(TOPIC, "released");
    await expect.poll(() => readdirSync(world.path)).not.toContain(DEAF);
    expect(readdirSync(world.path)).toHaveLength(1);
  });

  it("is removed by the next process that comes, unless it lives in another container", async () => {
    const world = new LocalWorld();
    mkdirSync(world.path, { mode: 0o700 });
    const alive = DEAD.replace("0123", "3210");
    await world.deaf(alive);
    mkdirSync(join(world.path, DEAD));
    writeFileSync(join(world.path, DEAD, OTHER_TOPIC), "");
    await world.listener();
    await expect.poll(() => readdirSync(world.path)).not.toContain(DEAD);
    expect(readdirSync(world.path)).toContain(alive);
  });
});

describe("a process that reads nothing", () => {
  it("misses what does not fit into its socket, costs no memory, and is left alone for five seconds", async () => {
    const world = new LocalWorld();
    const { heard, member } = await world.listener();
    const { connections } = await world.deaf(DEAF);
    const speaker = world.member();
    const before = process.memoryUsage().arrayBuffers;
    for (let turns = 0; turns < 60; turns += 1) {
      for (let count = 0; count < 50; count += 1) speaker.publish(TOPIC, "~".repeat(200));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => heard.length).toBeGreaterThan(1_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    await expect.poll(() => connections.length).toBe(1);
    await world.clock.advance(500);
    await expect.poll(() => connections[0]?.resume().readableEnded).toBe(true);
    speaker.publish(TOPIC, "released");
    await expect.poll(() => heard).toContain("released");
    await world.clock.advance(4_900);
    member.publish(TOPIC, "left x");
    speaker.publish(TOPIC, "left y");
    await expect.poll(() => heard).toContain("left y");
    // One of each that spoke, and none of the one that rests.
    await expect.poll(() => connections.length).toBe(2);
    await world.clock.advance(100);
    speaker.publish(TOPIC, "left z");
    await expect.poll(() => connections.length).toBe(3);
  });
});

describe("the connections of a member", () => {
  it("end when nothing was said for ten seconds, or when it is closed", async () => {
    const world = new LocalWorld();
    await world.listener(OTHER_TOPIC);
    const { connections } = await world.deaf(DEAF);
    const speaker = world.member();
    const hasEnded = (index: number): boolean | undefined => connections[index]?.resume().readableEnded;
    speaker.publish(TOPIC, "released");
    await expect.poll(() => connections).toHaveLength(1);
    await world.clock.advance(6_000);
    speaker.publish(TOPIC, "released");
    await world.clock.advance(6_000);
    expect(hasEnded(0)).toBe(false);
    await world.clock.advance(4_000);
    await expect.poll(() => hasEnded(0)).toBe(true);
    speaker.publish(TOPIC, "released");
    await expect.poll(() => connections).toHaveLength(2);
    speaker.publish(TOPIC, "left x");
    speaker.close();
    let text = "";
    connections[1]?.setEncoding("latin1").on("data", (piece) => (text += piece));
    await expect.poll(() => hasEnded(1)).toBe(true);
    expect(text).toBe(messageLine(TOPIC, "released") + messageLine(TOPIC, "left x"));
  });
});

describe("localWakeUps", () => {
  it("loads what it needs when it is first used, and goes on after it was closed", async () => {
    const { path } = new LocalWorld();
    const [one, other] = [localWakeUps({ directory: path }), localWakeUps({ directory: path })];
    await one.close();
    const heard: string[] = [];
    const end = await other.subscribe(TOPIC, (message) => heard.push(message));
    await one.publish(TOPIC, "released");
    await expect.poll(() => heard).toEqual(["released"]);
    await one.close();
    await other.close();
    await one.publish(TOPIC, "left x");
    await expect.poll(() => heard).toEqual(["released", "left x"]);
    end();
    await expect.poll(() => readdirSync(path)).toEqual([]);
  });

  it("says of a directory that it cannot use what is wrong with it, once, and waiters poll", async () => {
    const { path } = new LocalWorld();
    writeFileSync(path, "");
    const channel = localWakeUps({ directory: path });
    await expect(channel.subscribe(TOPIC, () => undefined)).rejects.toThrow(`${path}: it is no directory`);
    await expect(channel.publish(TOPIC, "released")).rejects.toThrow(`${path}: it is no directory`);
    rmSync(path);
    const end = await channel.subscribe(TOPIC, () => undefined);
    end();
  });
});
