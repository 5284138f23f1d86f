import { allSucceed, firstToPrint, names, type Show } from "./show.ts";

export const commands: Show = {
  summary: "`azmutex doctor`, `hold` and `elect`: is the account sound, a lock for a script, a leader",
  notice: "script-2 goes on where script-1 ends; one replica leads, and the other after it; the account is sound",
  async play({ say, start }) {
    const azmutex = (name: string, ...args: string[]) => start("azmutex", name, { args });
    say("two scripts want one lock for all of their steps");
    const script = azmutex("script-1", "hold", "deploy", "--purpose", "release 42");
    await script.printed(/^\{/);
    say("the doctor begins to look at the account, and says at its end what it found");
    const doctor = azmutex("doctor", "doctor", "--read-only");
    const next = azmutex("script-2", "hold", "deploy", "--timeout", "1m");
    await next.printed(/^azmutex: waiting/);
    await allSucceed([azmutex("status", "status", "deploy")]);
    say("script-1 is done");
    script.kill("SIGTERM");
    await next.printed(/^\{/);
    next.kill("SIGTERM");

    say("two replicas of a program in any language; one leads, and is told to end");
    const program = ["--", "sh", "-c", 'echo "leads in term $AZMUTEX_TOKEN"; exec sleep 60'];
    const replicas = names("replica", 2).map((name) =>
      azmutex(name, "elect", "scheduler", "--candidate", name, ...program),
    );
    const leader = await firstToPrint(replicas, /^leads/);
    await allSucceed([azmutex("leader", "leader", "scheduler")]);
    leader.kill("SIGTERM");
    const follower = await firstToPrint(
      replicas.filter((replica) => replica !== leader),
      /^leads/,
    );
    follower.kill("SIGTERM");
    for (const { name, ended } of [script, next, leader, follower]) {
      const { code, signal } = await ended;
      if (code !== 143 && signal !== "SIGTERM") throw new Error(`${name} ended with ${signal ?? code}`);
    }
    const { code } = await doctor.ended;
    if (code !== 0 && code !== 1) throw new Error(`the doctor ended with ${code}`); // 1: with findings
    return "one script after the other had the lock, and one replica after the other led";
  },
};
