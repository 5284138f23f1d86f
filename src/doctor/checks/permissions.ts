import { isMutexError } from "../../errors.ts";
import type { Operation } from "../../store/operation.ts";
import type { DoctorRight } from "../diagnosis.ts";
import type { Doctor } from "../doctor.ts";
import type { PermissionFinding } from "../findings/permissions.ts";

/** A request that takes a right, to a blob that does not exist: rights are looked at before blobs are. */
interface Trial {
  readonly right: DoctorRight;
  readonly operation: Operation;
  readonly finding: PermissionFinding;
  readonly isReading: boolean;
  ask(doctor: Doctor, name: string, signal: AbortSignal): Promise<unknown>;
}

/** The one blob that is made here. */
const MADE = "permissions-made";
const ID = "00000000-0000-4000-8000-000000000000";

const TRIALS: readonly Trial[] = [
  {
    right: "read",
    operation: "read",
    finding: "right-read",
    isReading: true,
    ask: ({ store }, name, signal) => store.read(name, { signal }),
  },
  {
    right: "list",
    operation: "list",
    finding: "right-list",
    isReading: true,
    ask: async ({ store }, name, signal) => {
      for await (const blob of store.list(name, { signal })) return blob;
      return undefined;
    },
  },
  ...(["acquire", "renew", "change", "release", "break"] as const).map(
    (operation): Trial => ({
      right: "write",
      operation,
      finding: "right-write",
      isReading: false,
      ask: ({ store }, name, signal) => {
        if (operation === "acquire") return store.acquire(name, ID, 15, { signal });
        if (operation === "break") return store.break(name, { signal });
        return operation === "change" ? store.change(name, ID, ID, { signal }) : store[operation](name, ID, { signal });
      },
    }),
  ),
  {
    right: "write",
    operation: "writeRecord",
    finding: "right-write",
    isReading: false,
    ask: ({ store }, name, signal) => store.writeMetadata(name, {}, { leaseId: ID, ifMatch: '"0x1"', signal }),
  },
  {
    right: "write",
    operation: "create",
    finding: "right-write",
    isReading: false,
    ask: ({ store, blobs }, _, signal) => store.create(blobs.toBeMade(MADE), {}, { signal }),
  },
  {
    right: "delete",
    operation: "remove",
    finding: "right-delete",
    isReading: false,
    ask: ({ store }, name, signal) => store.remove(name, { signal }),
  },
];

/** Tries each right for real, and says what is out of reach without those that are missing. */
export async function checkPermissions(doctor: Doctor): Promise<void> {
  const { options, found } = doctor;
  const denied = new Map<PermissionFinding, string[]>();
  for (const trial of TRIALS.filter(({ isReading }) => isReading || options.readOnly !== true)) {
    const isAllowed = await isAllowedTo(doctor, trial);
    found.rights[trial.right] = isAllowed && found.rights[trial.right] !== false;
    if (!isAllowed) denied.set(trial.finding, [...(denied.get(trial.finding) ?? []), trial.operation]);
  }
  for (const [finding, operations] of denied) doctor.finding(finding, `denied: ${operations.join(", ")}`);
  if (options.readOnly) {
    doctor.skip("writing", "with readOnly nothing is written, deleted or leased");
    return;
  }
  if (found.rights.createContainer === undefined) await tryContainer(doctor);
  const { createContainer, ...rights } = found.rights;
  const allowed = Object.entries(rights).flatMap(([right, isAllowed]) => (isAllowed ? [right] : []));
  if (denied.size === 0) doctor.ok("rights", `allowed: ${allowed.join(", ")}`);
  doctor.ok("container", createContainer ? "the container may be made" : "the container is there, and may not be made");
}

/** To make the container that is there changes nothing, and takes the right to make one. */
async function tryContainer(doctor: Doctor): Promise<void> {
  const { requests, store, found } = doctor;
  try {
    await requests.ask("createContainer", "", (signal) => store.createContainer({ signal }));
    found.rights.createContainer = true;
  } catch (error) {
    if (!isMutexError(error) || error.code !== "ACCESS_DENIED") throw error;
    found.rights.createContainer = false;
  }
}

async function isAllowedTo(doctor: Doctor, { operation, ask }: Trial): Promise<boolean> {
  const name = doctor.blobs.name("permissions");
  try {
    await doctor.requests.ask(operation, name, (signal) => ask(doctor, name, signal));
    return true;
  } catch (error) {
    if (!isMutexError(error)) throw error;
    if (error.code === "ACCESS_DENIED") {
      if (operation === "create") doctor.blobs.gone(doctor.blobs.name(MADE));
      return false;
    }
    // The service has let it in, and refuses it for another reason.
    if (error.code === "STORE_REFUSED") return true;
    throw error;
  }
}
