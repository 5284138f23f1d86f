// A row in a database that refuses a writer which has lost the lock without knowing. No lock can see a pause between
// your last question and the write that follows; the row can: it keeps the highest fencing token it has seen, and takes
// no lower one.
//
//   npm run example -- fenced-row                      a holder is paused, another takes over, the first one wakes up
//                                                      and writes
//   node build/examples/fenced-row.js [bank.db]        one deposit
//
// PAUSE=1 makes the process stop itself at the worst moment, as a starved machine would. `kill -CONT <pid>` wakes it
// up. Exits with 0 when the deposit is booked, and with 1 when it was refused.
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, isMutexError } from "azmutex";
import Database from "libsql";

const ACCOUNT = "acme";
const AMOUNT = 100;
/** What takes time between reading the balance and writing it. */
const WORK_MS = 1_000;

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples" });
const locker = mutex.locker(`account/${ACCOUNT}`, { leaseSeconds: 15 });

const database = new Database(process.argv[2] ?? "bank.db");
database.exec(
  "CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL, fence INTEGER NOT NULL)",
);
database.prepare("INSERT OR IGNORE INTO accounts VALUES (?, 0, 0)").run(ACCOUNT);

// `<` takes each token once: right for the only write, or the first one, under a lock. A second one under the same
// token has to be let in as well, and needs `<=`. Both refuse every earlier holder, since no two holders ever have the
// same token.
const raise = database.prepare("UPDATE accounts SET fence = $token WHERE id = $id AND fence < $token");
const write = database.prepare(
  "UPDATE accounts SET balance = $balance, fence = $token WHERE id = $id AND fence <= $token",
);
const read = database.prepare("SELECT balance FROM accounts WHERE id = $id");

try {
  await locker.run(async (lock) => {
    const id = ACCOUNT;
    const token = lock.fencingToken;
    // Before reading: from here on the balance cannot change under our hands. If all you write is new, and nothing of
    // it depends on what is there, leave this out and write with `<`.
    insist(raise.run({ id, token }));
    const { balance } = read.get({ id }) as { balance: number };
    console.log(`token ${token}: the balance is ${balance}`);
    await sleep(WORK_MS, undefined, { signal: lock.signal });
    lock.assertHeld(); // still true, and perhaps not any more when the next line runs
    pauseIfAsked();
    insist(write.run({ id, token, balance: balance + AMOUNT }));
    console.log(`token ${token}: booked, the balance is ${balance + AMOUNT}`);
  });
} catch (error) {
  process.exitCode = 1;
  if (!isMutexError(error)) throw error;
  console.error(error.message);
  if (error.code === "LOCK_LOST" && error.workError instanceof Error) console.error(error.workError.message);
} finally {
  database.close();
}

/** A write that changed no row is a write that was refused. */
function insist({ changes }: Database.RunResult): void {
  if (changes === 0) throw new Error("refused: the row has seen a higher fencing token");
}

/** Not for your program. */
function pauseIfAsked(): void {
  if (!process.env.PAUSE) return;
  console.log(`pausing: kill -CONT ${process.pid}`);
  process.kill(process.pid, "SIGSTOP");
}
