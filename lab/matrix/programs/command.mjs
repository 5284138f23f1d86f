// What the command promises, tried under one runtime against an emulator.
import { AzureMutex } from "azmutex";
import {
  CONNECTION,
  childrenOf,
  command,
  equal,
  freshKey,
  holds,
  isAlive,
  isOfAzurite,
  runChecks,
  sleep,
  start,
  until,
} from "./checks.mjs";

const mutex = new AzureMutex({ connectionString: CONNECTION, containerName: "locks" });
const ran = (...args) => start(command(...args)).ended;
const SHORT = ["--lease", "15s"];
/** A job that stays for as long as the check needs it, however slow the machine is. */
const UNTIL_INPUT_ENDS = ["--", "sh", "-c", "echo in; cat"];

await runChecks({
  "`run` passes on the output and the exit code": async () => {
    const { code, out, err } = await ran("run", freshKey("run"), "--", "sh", "-c", "echo out; exit 7");
    equal([code, out], [7, "out\n"], err || "code and output");
  },
  "`run` passes on its input": async () => {
    const { child, ended } = start(command("run", freshKey("input"), "--", "cat"), { input: "pipe" });
    child.stdin.end("some text");
    equal((await ended).out, "some text", "what cat got");
  },
  "`run` gives the job its key and token": async () => {
    const key = freshKey("env");
    const { out } = await ran("run", key, "--", "sh", "-c", "echo $AZMUTEX_KEY $AZMUTEX_TOKEN");
    holds(new RegExp(`^${key} \\d+\n$`).test(out), out);
  },
  "`run --try` and `--timeout` while another holds": async () => {
    const key = freshKey("held");
    const lock = await mutex.locker(key).lock();
    equal((await ran("run", key, "--try", "--", "true")).code, 75, "--try");
    equal((await ran("run", key, "--timeout", "5s", "--", "true")).code, 124, "--timeout");
    await lock.release();
  },
  "`run` holds the lock past a lease": async () => {
    const key = freshKey("long");
    const running = start(command("run", key, ...SHORT, "--", "sleep", "18"));
    await until(async () => (await mutex.inspect(key)).isHeld, "it holds the lock");
    await sleep(16_000);
    equal(await mutex.locker(key).tryLock(), undefined, "after 16 s");
    equal((await running.ended).code, 0, "how it ends");
  },
  "`run --semaphore`": async () => {
    const key = freshKey("permits");
    const first = start(command("run", key, "--semaphore", "1", ...UNTIL_INPUT_ENDS), { input: "pipe" });
    await first.printed("in");
    equal((await ran("run", key, "--semaphore", "1", "--try", "--", "true")).code, 75, "a second");
    first.child.stdin.end();
    equal((await first.ended).code, 0, "the first");
    equal((await ran("run", key, "--semaphore", "1", "--", "true")).code, 0, "a third");
  },
  "`run --read` and `--write`": async () => {
    const key = freshKey("rw");
    const reader = start(command("run", key, "--read", ...UNTIL_INPUT_ENDS), { input: "pipe" });
    await reader.printed("in");
    equal((await ran("run", key, "--read", "--try", "--", "true")).code, 0, "another reader");
    equal((await ran("run", key, "--write", "--try", "--", "true")).code, 75, "a writer");
    reader.child.stdin.end();
    await reader.ended;
  },
  "a login by `@azure/identity`": async () => {
    const key = freshKey("login");
    const [file, ...args] = command(
      "run",
      key,
      "--endpoint",
      process.env.MATRIX_BLOB_ENDPOINT,
      "--",
      "sh",
      "-c",
      "echo in",
    );
    const { code, out, err } = await start([file, ...args], { env: { AZURE_STORAGE_CONNECTION_STRING: "" } }).ended;
    equal([code, out], [0, "in\n"], err || "code and output");
    equal((await mutex.inspect(key)).isHeld, false, "held afterwards");
  },
  "a signal reaches the job, and its end is told": async () => {
    const key = freshKey("term");
    const running = start(
      command("run", key, "--", "sh", "-c", "trap 'echo asked; exit 3' TERM; echo in; while :; do sleep 0.1; done"),
    );
    await running.printed("in");
    running.child.kill("SIGTERM");
    const { code, out } = await running.ended;
    equal([code, out.includes("asked")], [3, true], "code and output");
  },
  "the watchdog stops the job of a killed command": async () => {
    const key = freshKey("orphan");
    const running = start(command("run", key, ...SHORT, "--", "sh", "-c", "echo pid=$$; while :; do sleep 0.1; done"));
    await running.printed("pid=");
    const pid = Number(/pid=(\d+)/.exec(running.out())[1]);
    running.child.kill("SIGKILL");
    await until(() => !isAlive(pid), "the job is gone");
  },
  "a job under a broken lock is stopped": async () => {
    const key = freshKey("broken");
    const running = start(command("run", key, ...SHORT, "--", "sh", "-c", "echo in; while :; do sleep 0.1; done"));
    await running.printed("in");
    await mutex.break(key, { periodSeconds: 0 });
    equal((await running.ended).code, 79, "the exit code");
  },
  "`elect` leads and ends when it is asked to": async () => {
    const name = freshKey("office");
    const running = start(
      command("elect", name, "--", "sh", "-c", "trap 'exit 0' TERM; echo in; while :; do sleep 0.1; done"),
    );
    await running.printed("in");
    holds((await ran("leader", name)).code === 0, "`leader` names it");
    running.child.kill("SIGTERM");
    equal((await running.ended).code, 0, "the exit code");
  },
  "`elect` leaves no process behind of its terms": async () => {
    const name = freshKey("terms");
    const running = start(command("elect", name, "--", "sh", "-c", "echo term"));
    await until(() => running.err().split("campaigning again").length > 3, "there were three terms");
    // It runs nothing in the pauses between them.
    await until(() => childrenOf(running.child.pid).length === 0, "its processes have ended", 5_000);
    running.child.kill("SIGTERM");
    equal((await running.ended).code, 143, "the exit code");
  },
  "`hold` holds until its input ends": async () => {
    const key = freshKey("hold");
    const running = start(command("hold", key), { input: "pipe" });
    await running.printed("}");
    equal(
      Object.keys(JSON.parse(running.out())),
      ["account", "container", "key", "token", "leaseId"],
      "what it prints",
    );
    equal(await mutex.locker(key).tryLock(), undefined, "a second holder");
    running.child.stdin.end();
    equal((await running.ended).code, 0, "the exit code");
    holds(!(await mutex.inspect(key)).isHeld, "it is released");
  },
  "`status`, `ls` and `break`": async () => {
    const key = freshKey("facts");
    const lock = await mutex.locker(key, { purpose: "matrix" }).lock();
    const status = await ran("status", key, "--json");
    equal(JSON.parse(status.out).key, key, "status");
    holds((await ran("ls", key)).out.includes(key), "ls");
    equal((await ran("break", key, "--yes", "--after", "0s")).code, 0, "break");
    await lock.release().catch(() => undefined);
  },
  "`doctor` finds what Azurite is known for": async () => {
    // So that the container is there.
    await mutex.locker(freshKey("first")).run(() => undefined);
    const { code, out, err } = await ran("doctor", "--json");
    equal(code, 1, `the exit code: ${err}`);
    isOfAzurite(JSON.parse(out));
  },
  "`ui` serves the page": async () => {
    const running = start(command("ui", "--port", "0"));
    await running.printed("http://");
    const link = /http:\/\/\S+/.exec(running.out())[0];
    const answer = await fetch(new URL(link).origin, { redirect: "manual" });
    holds(answer.status < 500, `status ${answer.status}`);
    running.child.kill("SIGTERM");
    await running.ended;
  },
  "a wrong option is refused": async () => {
    const { code, err } = await ran("run", "k", "--nonsense", "--", "true");
    equal([code, err.includes("--nonsense")], [64, true], "code and message");
  },
  "`--help` and `--version`": async () => {
    holds((await ran("--help")).out.includes("azmutex"), "help");
    holds(/^\d+\.\d+\.\d+\n$/.test((await ran("--version")).out), "version");
  },
});
