// What every instance runs at deploy, before it serves: the one that gets the lock migrates the database; the others
// wait, find nothing left to do and go on. If an instance dies in the middle of a step, another takes that step up.
//
//   npm run example -- migration-at-deploy                    five instances at once, one of them killed
//   node build/examples/migration-at-deploy.js [shop.db]      one instance; SQLite stands in for your database
//
// Exits with 0 when the schema is what this version needs, and with 1 when it must not serve.
import { setTimeout as sleep } from "node:timers/promises";
import { type AnyMutexError, AzureMutex, isMutexError, type Lock } from "azmutex";
import Database from "libsql";

interface Step {
  readonly name: string;
  /**
   * Long work in small transactions, repeated until it changes nothing. It may stop after any of them and be begun
   * again.
   */
  readonly batch?: string;
  /** One transaction, which also records the step: either both happened or neither. */
  readonly once?: string;
}

/** Prices change from euros to cents. Only ever add steps at the end. */
const STEPS: readonly Step[] = [
  {
    name: "create products",
    once: `CREATE TABLE products (id INTEGER PRIMARY KEY, price REAL NOT NULL);
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
      INSERT INTO products SELECT i, i / 10.0 FROM n`,
  },
  { name: "add price_cents", once: "ALTER TABLE products ADD COLUMN price_cents INTEGER" },
  {
    name: "fill price_cents",
    batch: `UPDATE products SET price_cents = CAST(round(price * 100) AS INTEGER)
      WHERE id IN (SELECT id FROM products WHERE price_cents IS NULL LIMIT 50)`,
  },
  { name: "drop price", once: "ALTER TABLE products DROP COLUMN price" },
];
/** Between two batches: the old version still serves, from the same database. */
const PAUSE_MS = 100;
/** How long an instance waits for the one that migrates. */
const PATIENCE_MS = 600_000;

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
// The guardian, a small process, gives the lock back at once when this one is killed.
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples", guardian: true });
// The shortest lease: if the whole machine dies, no instance serves until it has run out.
const migration = mutex.locker("shop-migration", { leaseSeconds: 15, purpose: `schema ${STEPS.length}` });
const database = new Database(process.argv[2] ?? "shop.db");

try {
  await migration.run(migrate, { timeoutMs: PATIENCE_MS });
  console.log(`schema ${STEPS.length} is in place: serving`); // your server starts here
} catch (error) {
  process.exitCode = 1;
  if (!isMutexError(error)) throw error;
  console.error(await explain(error));
} finally {
  database.close();
}

async function migrate(lock: Lock): Promise<void> {
  database.exec(
    "CREATE TABLE IF NOT EXISTS schema_steps (step INTEGER PRIMARY KEY, name TEXT NOT NULL, token INTEGER NOT NULL)",
  );
  // Asked under the lock: whatever was true before may have changed while this instance waited.
  const { version } = database.prepare("SELECT coalesce(max(step), 0) AS version FROM schema_steps").get() as {
    version: number;
  };
  if (version >= STEPS.length) console.log("nothing to do");
  for (const [index, step] of STEPS.entries()) if (index >= version) await apply(index + 1, step, lock);
}

async function apply(number: number, { name, batch, once = "" }: Step, lock: Lock): Promise<void> {
  if (batch) {
    const run = database.prepare(batch);
    for (;;) {
      lock.assertHeld(); // right before each write, not once at the beginning
      const { changes } = run.run();
      if (changes === 0) break;
      console.log(`step ${number}, ${name}: ${changes} rows`);
      await sleep(PAUSE_MS, undefined, { signal: lock.signal });
    }
  }
  lock.assertHeld();
  database.transaction(() => {
    database.exec(once);
    database.prepare("INSERT INTO schema_steps VALUES (?, ?, ?)").run(number, name, lock.fencingToken);
  })();
  console.log(`step ${number}, ${name}: done`);
}

/** What a reader of the deploy's log wants to know. */
async function explain(error: AnyMutexError): Promise<string> {
  switch (error.code) {
    case "LOCK_TIMEOUT": {
      const status = await mutex.inspect(migration.key).catch(() => undefined);
      return `${status?.holder?.name ?? "another process"} has been migrating for very long: ${error.message}`;
    }
    case "LOCK_LOST":
      return `stopped in the middle of a step, which the next instance takes up: ${error.message}`;
    case "STORE_UNAVAILABLE":
      return `no lock without the storage account; deploy again later: ${error.message}`;
    default:
      return error.message;
  }
}
