import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { GoAnswer, GoOrder } from "../shared/go-peer/go-peer.ts";
import { now } from "../shared/now.ts";
import { Actor } from "./actor.ts";
import type { Order } from "./messages.ts";

/**
 * One that runs the Go program of the interop suite, which locks with go-azuremutex. Its work is to wait: the library
 * has nothing that it could ask or be told by, and nothing it does keeps goroutines that renew from running.
 */
export class GoActor extends Actor {
  readonly #key: string;
  #stage: "lock" | "unlock" = "lock";

  constructor(program: string, container: string, key: string) {
    super(spawn(program, [container], { stdio: ["pipe", "pipe", "pipe"] }));
    this.#key = key;
    this.child.stdin?.on("error", () => undefined);
    if (!this.child.stdout) throw new Error("Go's answers are not to be had");
    createInterface(this.child.stdout).on("line", (line) =>
      this.#answered(JSON.parse(line) as GoAnswer | { kind: "log" }),
    );
  }

  get pid(): number {
    return this.child.pid ?? Number.NaN;
  }

  tell({ order }: Order): void {
    switch (order) {
      case "start":
        this.hear({ kind: "asks", at: now() });
        this.#ask({ do: "lock", key: this.#key });
        break;
      case "end work":
        this.hear({ kind: "work ended", at: now() });
        break;
      case "go on":
        this.#stage = "unlock";
        this.#ask({ do: "unlock", key: this.#key });
        break;
      default:
        throw new Error(`go-azuremutex has nothing for "${order}"`);
    }
  }

  #ask(order: GoOrder): void {
    this.child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  #answered({ kind, ...rest }: GoAnswer | { kind: "log" }): void {
    if (kind === "log") return;
    const at = now();
    if (this.#stage === "lock" && kind === "done") {
      this.hear({ kind: "held", at });
      return;
    }
    const failed = kind === "done" ? {} : { error: "code" in rest ? (rest.code ?? "an error") : "an error" };
    this.hear({ kind: "settled", at, ...failed });
    this.child.stdin?.end();
    this.hear({ kind: "closed", at: now() });
  }
}
