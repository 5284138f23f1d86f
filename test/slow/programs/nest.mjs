import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { releaseOnSignals } from "azmutex";
import { closesInMs, mutex, sleep, workUntil } from "./holding.mjs";

class Hooks {
  async onApplicationShutdown() {
    await sleep(closesInMs);
    console.log("closed");
  }
}
class AppModule {}
Module({ providers: [Hooks] })(AppModule);

const isFirst = process.env.FIRST === "azmutex";
let shutdown = isFirst ? releaseOnSignals(mutex) : undefined;
const app = await NestFactory.create(AppModule, { logger: false });
app.enableShutdownHooks();
await app.listen(0, "127.0.0.1");
shutdown ??= releaseOnSignals(mutex);
await workUntil(shutdown.signal);
