import { beforeEach, describe, expect, it } from "vitest";
import { Kernel } from "../../lab/simulation/kernel.ts";
import type { Sent } from "../../lab/simulation/link.ts";
import { Machine } from "../../lab/simulation/machine.ts";
import type { Request } from "../../lab/simulation/service.ts";
import { WireRules } from "../../lab/simulation/wire-rules.ts";

const FOLDER = "queue/";
const OWN = `${FOLDER}000000000001000-own`;
const NEXT = `${FOLDER}000000000002000-next`;

describe("P39 on the wire: a holder looks who is next when its own ticket is gone", () => {
  let reported: string[];
  let rules: WireRules;
  let machine: Machine;

  beforeEach(() => {
    reported = [];
    rules = new WireRules((rule) => void reported.push(rule));
    machine = new Machine(new Kernel(), { name: "m", rate: 1, startsAt: 0, random: () => 0 });
    const other = new Machine(new Kernel(), { name: "n", rate: 1, startsAt: 0, random: () => 0 });
    ask("acquire", { name: OWN, leaseId: "ticket" }, "acquired");
    rules.sent(other, { operation: "acquire", name: NEXT, leaseId: "its ticket", ask: () => Promise.resolve() });
    ask("acquire", { name: "job", leaseId: "own" }, "acquired");
  });

  const send = (operation: Request["operation"], about: Omit<Request, "operation" | "ask">): Sent =>
    rules.sent(machine, { operation, ...about, ask: () => Promise.resolve() });
  const answer = (sent: Sent, kind: string, why?: string): void =>
    rules.answered(machine, sent, { kind, ...(why !== undefined && { why }) });
  const ask = (
    operation: Request["operation"],
    about: Omit<Request, "operation" | "ask">,
    kind: string,
    why?: string,
  ) => answer(send(operation, about), kind, why);
  const handOver = (): string[] => {
    ask("list", { name: FOLDER }, "listed");
    ask("change", { name: "job", leaseId: "own", newLeaseId: "next" }, "changed");
    return reported;
  };

  it("is broken while it stands", () => expect(handOver()).toEqual(["hand-over"]));

  it.each([
    ["deleted", "removed", undefined],
    ["found to be deleted", "refused", "deleted"],
  ])("is kept once it is %s", (_, kind, why) => {
    ask("remove", { name: OWN, leaseId: "ticket" }, kind, why);
    expect(handOver()).toEqual([]);
  });

  it("is broken where its deletion was refused", () => {
    ask("remove", { name: OWN, leaseId: "ticket" }, "refused", "taken");
    expect(handOver()).toEqual(["hand-over"]);
  });

  it("is kept once its lease was released, where it may not be deleted", () => {
    rules.answered(machine, send("remove", { name: OWN, leaseId: "ticket" }), undefined);
    ask("release", { name: OWN, leaseId: "ticket" }, "released");
    expect(handOver()).toEqual([]);
  });

  it("is broken where an acquire without an answer may bring a released one back", () => {
    send("acquire", { name: OWN, leaseId: "ticket" });
    ask("release", { name: OWN, leaseId: "ticket" }, "released");
    expect(handOver()).toEqual(["hand-over"]);
  });
});
