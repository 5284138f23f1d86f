import { existsSync } from "node:fs";
import { readData } from "../shared/data.ts";
import { PROJECT } from "../shared/project.ts";
import type { Room, Stage } from "./stage.ts";

/** A lock that is measured. */
export interface Contender {
  readonly name: string;
  /** Its adapter in `lab/shared/peers/`. */
  readonly module: string;
  /** Which of the adapter's variants. Default: the one that is called `peer`. */
  readonly variant?: string;
  readonly room: Room;
  /** As `package.json` of `lab/shared/peers/` has it; undefined for ours, and for what is written by hand. */
  readonly package?: string;
  readonly isOurs: boolean;
  /** How it is used, for the document. */
  readonly used: string;
}

type Name =
  | "OURS"
  | "OURS_UNFENCED"
  | "OURS_FAIR"
  | "OURS_WOKEN"
  | "OURS_FAIR_WOKEN"
  | "SDK_LOOP"
  | "DISTRIBUTED_LOCK"
  | "REDIS_SEMAPHORE"
  | "REDLOCK_UNIVERSAL"
  | "SESAMECARE"
  | "ETCD3"
  | "ETCD3_ELECTION";

/** All of `contenders.yaml`. */
export const {
  OURS,
  OURS_UNFENCED,
  OURS_FAIR,
  OURS_WOKEN,
  OURS_FAIR_WOKEN,
  SDK_LOOP,
  DISTRIBUTED_LOCK,
  REDIS_SEMAPHORE,
  REDLOCK_UNIVERSAL,
  SESAMECARE,
  ETCD3,
  ETCD3_ELECTION,
} = readData<Readonly<Record<Name, Contender>>>("lab/bench/contenders.yaml");

/** Why it cannot be measured on this machine, or undefined. */
export function missing({ package: name, room }: Contender, stage: Stage): string | undefined {
  const isInstalled = name === undefined || existsSync(new URL(`lab/shared/peers/node_modules/${name}/`, PROJECT));
  return isInstalled ? stage.missing(room) : `${name} could not be installed`;
}
