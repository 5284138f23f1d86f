import type { LeaseLength } from "../../store/lease-store.ts";
import type { Doctor } from "../doctor.ts";
import type { ConditionFinding } from "../findings/conditions.ts";
import type { HelperBlob } from "../helper-blob.ts";

/** One rule of the service's. */
export interface ConditionCase {
  readonly id: ConditionFinding;
  /** What is said where the rule is kept. */
  readonly otherwise: string;
  readonly needsProbe?: boolean;
  /** What was seen that should not be. Undefined if the rule is kept. */
  see(blob: HelperBlob, ids: LeaseIds, doctor: Doctor): Promise<string | undefined>;
}

/** Fresh lease ids: of a holder, and of two others. */
export class LeaseIds {
  readonly holder: string;
  readonly other: string;
  readonly third: string;

  constructor(newId: () => string) {
    this.holder = newId();
    this.other = newId();
    this.third = newId();
  }
}

const PERIOD_SECONDS = 10;
const LENGTH: LeaseLength = 60;

/** The rules that exclusion and fencing stand on. */
export const RULE_CASES: readonly ConditionCase[] = [
  {
    id: "create-over-existing",
    otherwise: "a blob that exists is not created again",
    see: async (blob, _, { store, requests }) => {
      const { kind } = await requests.ask("create", blob.name, (signal) => store.create(blob.name, {}, { signal }));
      return kind === "exists" ? undefined : `a create over an existing blob was answered: ${kind}`;
    },
  },
  {
    id: "stale-if-match",
    otherwise: "a write and a break on a stale ETag are refused",
    see: async (blob, { holder }) => {
      await blob.acquire(holder, LENGTH);
      const first = await blob.write(holder, blob.stamp.etag);
      if (first.kind !== "written") return `a write on the present ETag was answered: ${first.kind}`;
      const late = await blob.write(holder, blob.stamp.etag);
      if (late.kind === "written") return "a write with a stale If-Match was done";
      const { kind } = await blob.break({ periodSeconds: 60, ifMatch: blob.stamp.etag });
      return kind === "breaking" ? "a break with a stale If-Match was done" : undefined;
    },
  },
  {
    id: "write-without-lease",
    otherwise: "a write without the lease is refused",
    needsProbe: true,
    see: async (blob, { holder }, { probe, requests }) => {
      await blob.acquire(holder, LENGTH);
      const write = (signal: AbortSignal) => probe?.writeMetadata(blob.name, signal) ?? Promise.reject(signal.reason);
      const { kind } = await requests.ask("writeRecord", blob.name, write);
      return kind === "done" ? "a write to a leased blob was done without the lease" : undefined;
    },
  },
  {
    id: "write-with-foreign-lease",
    otherwise: "a write with another's lease is refused",
    see: async (blob, { holder, other }) => {
      await blob.acquire(holder, LENGTH);
      const { kind } = await blob.write(other, blob.stamp.etag);
      return kind === "written" ? "a write to a leased blob was done under another lease id" : undefined;
    },
  },
  {
    id: "second-acquire",
    otherwise: "a second holder is refused",
    see: async (blob, { holder, other }) => {
      await blob.acquire(holder, LENGTH);
      const { kind } = await blob.acquire(other, LENGTH);
      return kind === "acquired" ? "a lease that stands was granted to another id" : undefined;
    },
  },
  {
    id: "own-acquire",
    otherwise: "a repeated acquire with the same id is granted",
    see: async (blob, { holder }) => {
      await blob.acquire(holder, LENGTH);
      const { kind } = await blob.acquire(holder, LENGTH);
      return kind === "acquired" ? undefined : `a repeated acquire was answered: ${kind}`;
    },
  },
  {
    id: "dead-renewal",
    otherwise: "renewals after release, change and break are refused",
    see: async (blob, { holder, other, third }) => {
      const renewed: string[] = [];
      const renew = async (after: string, id: string): Promise<void> => {
        if ((await blob.renew(id)).kind === "renewed") renewed.push(after);
      };
      await blob.acquire(holder, LENGTH);
      await blob.release(holder);
      await renew("release", holder);
      await blob.acquire(other, LENGTH);
      await blob.change(other, third);
      await renew("change", other);
      await blob.break({ periodSeconds: 0 });
      await renew("break", third);
      return renewed.length === 0 ? undefined : `a renewal was granted after ${renewed.join(", ")}`;
    },
  },
  {
    id: "change-fences",
    otherwise: "after Change the old id can neither write nor release",
    see: async (blob, { holder, other }) => {
      await blob.acquire(holder, LENGTH);
      const { kind } = await blob.change(holder, other);
      if (kind !== "changed") return `a change of the lease id was answered: ${kind}`;
      const released = await blob.release(holder);
      return released.kind === "released" ? "a release with the old id was done after Change" : undefined;
    },
  },
  {
    id: "break-period",
    otherwise: "a broken lease stands for its period, and ends at once with a period of 0",
    see: async (blob, { holder, other }) => {
      await blob.acquire(holder, LENGTH);
      const broken = await blob.break({ periodSeconds: PERIOD_SECONDS });
      if (broken.kind !== "breaking") return `a break was answered: ${broken.kind}`;
      if (broken.freeInSeconds > PERIOD_SECONDS)
        return `a break of ${PERIOD_SECONDS} s takes ${broken.freeInSeconds} s`;
      if ((await blob.acquire(other, LENGTH)).kind === "acquired")
        return "a lease that is breaking was granted to another";
      await blob.break({ periodSeconds: 0 });
      const { kind } = await blob.acquire(other, LENGTH);
      return kind === "acquired" ? undefined : `after a break with a period of 0, acquire was answered: ${kind}`;
    },
  },
  {
    id: "lease-changes-etag",
    otherwise: "lease operations leave ETag and Last-Modified alone",
    see: async (blob, { holder, other }) => {
      const { etag, lastModified } = blob.stamp;
      const changes: string[] = [];
      const compare = (operation: string, answer: { readonly kind: string }): void => {
        if (!("etag" in answer && "lastModified" in answer)) return;
        if (answer.etag !== etag) changes.push(`${operation} changed the ETag`);
        else if (answer.lastModified !== lastModified) changes.push(`${operation} changed Last-Modified`);
      };
      compare("acquire", await blob.acquire(holder, LENGTH));
      compare("renew", await blob.renew(holder));
      await blob.change(holder, other);
      compare("change", await blob.renew(other));
      await blob.release(other);
      compare("release", await blob.acquire(holder, LENGTH));
      return changes[0];
    },
  },
];
