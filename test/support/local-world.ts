import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { systemSources } from "../../src/time/clock.ts";
import { LocalDirectory } from "../../src/waiting/wake-ups/local/local-directory.ts";
import { LocalMember } from "../../src/waiting/wake-ups/local/local-member.ts";
import { newDirectory } from "./state-place.ts";

export const TOPIC = "0f".repeat(32);

/** A directory in which members meet that have one clock. Their sockets are real. */
export class LocalWorld {
  readonly path = join(newDirectory(), "azmutex");
  readonly clock = new FakeClock();

  /** A process of its own, as far as others can tell. */
  member(): LocalMember {
    return new LocalMember(new LocalDirectory(this.path), { ...systemSources, clock: this.clock });
  }

  /** A member that listens, and what it has heard. */
  async listener(topic: string = TOPIC): Promise<{ member: LocalMember; heard: string[]; end: () => void }> {
    const member = this.member();
    const heard: string[] = [];
    const end = await member.subscribe(topic, (message) => heard.push(message));
    onTestFinished(end);
    return { member, heard, end };
  }

  /**
   * What looks like a process that listens. It reads nothing; its connections are counted. Returns how it ends as if it
   * were killed.
   */
  async deaf(id: string): Promise<{ connections: Socket[]; kill: () => Promise<void> }> {
    mkdirSync(join(this.path, id));
    const connections: Socket[] = [];
    const server = createServer({ pauseOnConnect: true }, (socket) =>
      connections.push(socket.on("error", () => undefined)),
    );
    const path = join(this.path, id, "socket");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    writeFileSync(join(this.path, id, TOPIC), "");
    const close = (): void => {
      for (const connection of connections) connection.destroy();
      server.close();
    };
    onTestFinished(close);
    const kill = async (): Promise<void> => {
      const closed = new Promise((resolve) => server.on("close", resolve));
      close();
      await closed;
      // Its socket stays, as that of a killed process does.
      writeFileSync(path, "");
    };
    return { connections, kill };
  }
}
