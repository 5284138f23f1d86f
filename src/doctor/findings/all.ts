import { ACCOUNT, type AccountFinding } from "./account.ts";
import { CONDITIONS, type ConditionFinding, LEASE_TIMES, type LeaseTimeFinding } from "./conditions.ts";
import type { FindingTexts } from "./finding.ts";
import {
  ANY,
  type AnyFinding,
  CLOCKS,
  type ClockFinding,
  CONTRACT,
  type ContractFinding,
  RUNTIME,
  type RuntimeFinding,
  SPEED,
  type SpeedFinding,
} from "./machine.ts";
import { PERMISSIONS, type PermissionFinding } from "./permissions.ts";
import { WAY_IN, type WayInFinding } from "./way-in.ts";

/** The id of a finding. */
export type FindingId =
  | WayInFinding
  | PermissionFinding
  | ConditionFinding
  | LeaseTimeFinding
  | ClockFinding
  | AccountFinding
  | SpeedFinding
  | RuntimeFinding
  | ContractFinding
  | AnyFinding;

/** Every finding there is, by its id. */
export const FINDINGS: FindingTexts<FindingId> = Object.freeze({
  ...WAY_IN,
  ...PERMISSIONS,
  ...CONDITIONS,
  ...LEASE_TIMES,
  ...CLOCKS,
  ...ACCOUNT,
  ...SPEED,
  ...RUNTIME,
  ...CONTRACT,
  ...ANY,
});
