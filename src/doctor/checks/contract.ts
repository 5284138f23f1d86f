import { isMutexError } from "../../errors.ts";
import { retry } from "../../lease/retry.ts";
import type { AccountProbe } from "../../store/azure/account-probe.ts";
import type { LeaseStore } from "../../store/lease-store.ts";
import type { StoreUnderTest } from "../../testing/contract/store-under-test.ts";
import { sleep } from "../../time/clock.ts";
import type { Doctor } from "../doctor.ts";
import { DoctorRequests } from "../doctor-requests.ts";
import { type ContractCase, contractCases } from "./contract-cases.ts";

/** So many cases at once: most of their time they wait for leases. */
const CASES_AT_ONCE = 32;
/** A service rounds the end of a lease, and so does the clock of a machine. */
const SLACK_MS = 500;
/** What lasts longer than the longest lease lasts for ever: a day is not waited for. */
const LONGEST_WAIT_MS = 70_000;
/** A container that was deleted can be made again after half a minute. */
const CONTAINER_TRIES = 60;
const CONTAINER_PAUSE_MS = 2_000;
const PREFIX = "azmutex-doctor-";

/** Runs the published contract of a store against the account, in real time, each case in a container of its own. */
export async function checkContract(doctor: Doctor): Promise<void> {
  const { options, probe, found } = doctor;
  if (!options.contract) return doctor.skip("contract", "takes minutes: ask for it with contract (--contract)");
  if (options.readOnly) return doctor.skip("contract", "takes writing, which readOnly leaves out");
  if (!probe?.sibling(PREFIX) || found.rights.createContainer !== true)
    return doctor.skip("contract", "takes a credential that may make containers in the account");
  const containers = new Map<string, AccountProbe>();
  try {
    const cases = await contractCases(() => underTest(doctor, probe, containers));
    const failures = await runCases(doctor, cases);
    for (const { title, message } of failures) doctor.finding("contract-case", `${title}: ${message}`);
    doctor.ok("contract", `${cases.length - failures.length} of ${cases.length} cases hold`);
  } finally {
    await clear(doctor, containers);
  }
}

interface FailedCase {
  readonly title: string;
  readonly message: string;
}

async function runCases(doctor: Doctor, cases: readonly ContractCase[]): Promise<readonly FailedCase[]> {
  const failures: FailedCase[] = [];
  const waiting = [...cases];
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      doctor.options.signal?.throwIfAborted();
      const { title, test } = next;
      await test().catch((error: unknown) => {
        doctor.options.signal?.throwIfAborted();
        failures.push({ title, message: error instanceof Error ? error.message : String(error) });
      });
      done += 1;
      doctor.progress(done, cases.length);
    }
  };
  await Promise.all(Array.from({ length: CASES_AT_ONCE }, worker));
  return failures;
}

function underTest(doctor: Doctor, probe: AccountProbe, containers: Map<string, AccountProbe>): StoreUnderTest {
  const { sources, options, requests } = doctor;
  const name = `${PREFIX}${sources.newId()}`;
  const sibling = probe.sibling(name);
  if (!sibling) throw new Error("the credential is for one container");
  containers.set(name, sibling.probe);
  const isDone = async (write: ReturnType<AccountProbe["deleteContainer"]>): Promise<boolean> =>
    (await write).kind === "done";
  return {
    store: withPatience(sibling.store, doctor),
    advance: (ms) => sleep(sources.clock, Math.min(ms, LONGEST_WAIT_MS) + SLACK_MS, { signal: options.signal }),
    foreign: {
      putBlob: (key, how = {}) =>
        isDone(requests.ask("create", key, (signal) => sibling.probe.putBlob(key, { ...how, signal }))),
      deleteBlob: (key, { leaseId } = {}) =>
        isDone(requests.ask("remove", key, (signal) => sibling.probe.deleteBlob(key, signal, leaseId))),
      deleteContainer: async () =>
        void (await requests.ask("remove", "", (signal) => sibling.probe.deleteContainer(signal))),
    },
  };
}

/** Makes a container also where one of that name was just deleted. */
function withPatience(store: LeaseStore, { sources, options }: Doctor): LeaseStore {
  const createContainer: LeaseStore["createContainer"] = (call) =>
    retry(sources, () => store.createContainer(call) as Promise<unknown>, {
      signal: options.signal,
      tries: CONTAINER_TRIES,
      failed: () => CONTAINER_PAUSE_MS,
      isRepeated: (error) => call?.signal === undefined && isMutexError(error) && error.code === "STORE_UNAVAILABLE",
    }).then(() => undefined);
  return new Proxy(store, {
    get(target, property) {
      if (property === "createContainer") return createContainer;
      const found = Reflect.get(target, property, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}

/** Never takes the caller's signal. */
async function clear({ store, sources, terms, found }: Doctor, containers: Map<string, AccountProbe>): Promise<void> {
  const requests = new DoctorRequests(store, sources, terms);
  await Promise.all(
    [...containers].map(async ([name, probe]) => {
      const deleted = requests.ask("remove", name, (signal) => probe.deleteContainer(signal));
      await deleted.catch(() => found.left.push(name));
    }),
  );
}
