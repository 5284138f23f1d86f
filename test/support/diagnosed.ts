import { type AnonymousCredential, StorageSharedKeyCredential } from "@azure/storage-blob";
import { diagnose } from "../../src/doctor/diagnose.ts";
import type { DiagnoseOptions, Diagnosis } from "../../src/doctor/diagnosis.ts";
import type { DoctorSources } from "../../src/doctor/doctor.ts";
import { DEFAULTS, defaultTerms } from "../../src/lease/terms.ts";
import { connect } from "../../src/store/azure/connect.ts";
import type { LeaseStore } from "../../src/store/lease-store.ts";
import { FakeClock, MemoryLeaseStore } from "../../src/testing/index.ts";
import type { DoctorCase } from "./doctor-cases.ts";
import { ServiceDouble } from "./service-double.ts";
import { settled } from "./settled.ts";

const LONGEST_MS = 900_000;
const SLOW_MS = 1_200;

export interface Diagnosed {
  readonly diagnosis: Diagnosis;
  readonly double: ServiceDouble;
  /** What `onLeft` was told. */
  readonly left: readonly string[];
}

/** Sources of a machine on which all is well. */
function doctorSources(clock: FakeClock, startsAt: number): DoctorSources {
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `00000000-0000-4000-8abc-${ids.toString(16).padStart(12, "0")}`;
  };
  return {
    clock,
    random: () => 0.5,
    newId,
    wallTime: () => startsAt + clock.now(),
    env: {},
    countsSuspend: true,
    lookup: async () => ["20.60.1.1"],
    versionOf: (name) => (name === "@azure/storage-blob" ? "12.32.0" : undefined),
    isOneSdk: async () => true,
  };
}

/** The diagnosis of a case, in no time. */
export async function diagnosed(
  { play, isContainerMissing = false, sas, loginFailure, aheadMs = 0, what }: DoctorCase,
  options: DiagnoseOptions = {},
): Promise<Diagnosed> {
  const clock = new FakeClock();
  const startsAt = Math.floor(Date.now() / 1_000) * 1_000;
  let count = 0;
  const served = startsAt + aheadMs;
  const double: ServiceDouble = new ServiceDouble(clock, {
    memory: new MemoryLeaseStore({ clock, startsAt: served, containerExists: !isContainerMissing }),
    startsAt: served,
    latencyMs: what === "a slow service" ? SLOW_MS : 5,
    middleman: async (serve, asked) => {
      count += 1;
      if (asked.operation === "read the container" && asked.url.includes("changefeed") && what !== "a change feed")
        return double.missingContainer();
      return play ? play(serve, asked, double, count) : serve();
    },
  });
  const key = new StorageSharedKeyCredential("acme", Buffer.from("key").toString("base64"));
  const url = `https://acme.blob.core.windows.net/locks${sas === undefined ? "" : `?${sas}`}`;
  const login = loginFailure && { getToken: () => Promise.reject(loginFailure) };
  const credential = (sas === undefined ? (login ?? key) : undefined) as AnonymousCredential | undefined;
  const store = connect({ containerClient: double.client(url, undefined, credential) }, clock);
  let left: readonly string[] = [];
  const running = diagnosisOf(store, doctorSources(clock, startsAt), {
    onLeft: (names) => {
      left = names;
    },
    ...options,
  });
  const outcome = await settled(clock, running, LONGEST_MS);
  if (outcome.status === "rejected") throw outcome.reason;
  return { diagnosis: outcome.value, double, left };
}

function diagnosisOf(store: LeaseStore, sources: DoctorSources, options: DiagnoseOptions): Promise<Diagnosis> {
  return diagnose({ store, sources, terms: defaultTerms(DEFAULTS) }, options);
}
