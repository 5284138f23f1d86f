// A schedule of NestJS in every replica: each fire runs in one of them, because its time is the slot of a `Once`. The
// others are told that it runs, or is done. Also where their clocks differ. A fire that comes while the one before it
// still runs is left out.
//
//   npm run example -- nest-schedule       two replicas, until five fires have run
//   node build/examples/nest-schedule.js   one replica, until SIGTERM or Ctrl-C
import "reflect-metadata";
import { setTimeout as sleep } from "node:timers/promises";
import { Injectable, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Cron, ScheduleModule } from "@nestjs/schedule";
import { AzureMutex, type Lock, Once, releaseOnSignals } from "azmutex";

const EVERY_MS = 1_000;
const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples" });

@Injectable()
class Reports {
  readonly #once = new Once(mutex, "nest-schedule", { leaseSeconds: 15 });

  @Cron("* * * * * *", { timeZone: "Etc/UTC" })
  async everySecond(): Promise<void> {
    const fire = new Date(Math.floor(Date.now() / EVERY_MS) * EVERY_MS);
    const { outcome } = await this.#once.run(fire, report);
    console.log(`${fire.toISOString()}: ${outcome}`);
  }
}

/** Stands for the job. */
async function report(lock: Lock): Promise<void> {
  await sleep(50, undefined, { signal: lock.signal });
}

@Module({ imports: [ScheduleModule.forRoot()], providers: [Reports] })
class AppModule {}

// A report that runs at SIGTERM is finished, and its lock released, before the process ends.
releaseOnSignals(mutex);
const app = await NestFactory.createApplicationContext(AppModule, { logger: ["error", "warn"] });
app.enableShutdownHooks();
