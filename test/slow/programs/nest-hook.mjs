import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { key, mutex } from "./holding.mjs";

class Locks {
  async onApplicationShutdown() {
    await mutex.close();
    console.log("closed");
  }
}
class AppModule {}
Module({ providers: [Locks] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
app.enableShutdownHooks();
await app.listen(0, "127.0.0.1");
setInterval(() => undefined, 1_000);
await mutex.locker(key).lock();
console.log("at work");
