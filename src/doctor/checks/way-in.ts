import { type AccessDeniedError, type AccessDeniedWhy, isMutexError } from "../../errors.ts";
import { isCredentialError } from "../../store/azure/token-failure.ts";
import type { ReadAnswer } from "../../store/lease-store.ts";
import { Stopwatch } from "../../time/clock.ts";
import type { Doctor } from "../doctor.ts";
import { DOCTOR_FOLDER } from "../helper-blobs.ts";
import { obstacleIn } from "./obstacle.ts";

const SOON_MS = 86_400_000;
const PROXIES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];
const PRIVATE_ADDRESS = /^(?:10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|::1$|f[cd]|fe80)/i;

/** What stands in the way of everything, by why access was denied. A right that is missing is no obstacle here. */
const DENIALS = {
  key: "wrong-key",
  clock: "clock-off",
  sasExpired: "sas-expired",
  sasNotYetValid: "sas-not-yet-valid",
  sasMalformed: "sas-malformed",
  scope: "sas-scope",
  network: "network-rules",
  keysOff: "keys-off",
  account: "account-disabled",
  token: "token-refused",
} as const satisfies Record<Exclude<AccessDeniedWhy, "right">, string>;

/** Whether the service is reached, and lets these credentials in. */
export async function checkWayIn(doctor: Doctor): Promise<void> {
  tellCredential(doctor);
  await lookUp(doctor);
  const proxies = PROXIES.flatMap((name) => [name, name.toLowerCase()]).filter((name) => doctor.sources.env[name]);
  if (proxies.length > 0) doctor.found.facts.proxies = proxies.join(", ");
  try {
    await enter(doctor);
  } catch (error) {
    doctor.options.signal?.throwIfAborted();
    if (!isMutexError(error)) throw error;
    const seen = `${error.message}${proxies.length > 0 ? `; set: ${proxies.join(", ")}` : ""}`;
    if (error.code === "ACCESS_DENIED") deny(doctor, error, seen);
    else if (error.code === "STORE_REFUSED" || error.code === "STORE_UNAVAILABLE") {
      doctor.finding(obstacleIn(error), seen);
      doctor.found.end = error.code === "STORE_REFUSED" ? "findings" : "unreachable";
    } else throw error;
  }
}

function deny(doctor: Doctor, { why, cause }: AccessDeniedError, seen: string): void {
  // The service has not refused a token where there was none.
  const isLogin = why === "token" && isCredentialError(cause);
  const finding = why === undefined || why === "right" ? "denied" : DENIALS[why];
  doctor.finding(isLogin ? "login-failed" : finding, seen);
  doctor.found.end = "denied";
}

function tellCredential({ probe, options, found }: Doctor): void {
  if (!probe) return;
  const { kind, permissions, until } = probe.credential;
  found.facts.credential = kind;
  found.facts.credentialSource = options.credentialSource ?? "the options of the mutex";
  if (permissions !== undefined) found.facts.sasPermissions = permissions;
  if (until !== undefined) found.facts.sasUntil = new Date(until).toISOString();
}

async function lookUp({ store, sources, found }: Doctor): Promise<void> {
  const host = store.address?.host.replace(/:\d+$/, "");
  if (host === undefined) return;
  const watch = new Stopwatch(sources.clock);
  const addresses = await sources.lookup(host).catch(() => []);
  if (addresses.length === 0) return;
  found.measures.lookupMs = Math.round(watch.elapsedMs);
  found.facts.addresses = addresses.every((address) => PRIVATE_ADDRESS.test(address)) ? "private" : "public";
}

/** A listing first: its answer has a body, which says more than that to a read. */
async function enter(doctor: Doctor): Promise<void> {
  const { store, requests, sources, found } = doctor;
  const watch = new Stopwatch(sources.clock);
  let isContainerMissing = false;
  const onNoContainer = (): void => {
    isContainerMissing = true;
  };
  const isListed = await unlessWithoutRight(
    requests.ask("list", DOCTOR_FOLDER, async (signal) => {
      for await (const blob of store.list(DOCTOR_FOLDER, { signal, onNoContainer })) return void blob;
    }),
  );
  if (isListed) found.measures.firstAnswerMs = Math.round(watch.elapsedMs);
  const name = doctor.blobs.name("way-in");
  let read: ReadAnswer | undefined;
  const isRead = await unlessWithoutRight(
    requests.ask("read", name, async (signal) => {
      read = await store.read(name, { signal });
    }),
  );
  if (read?.kind === "missing" && Number.isNaN(read.date)) {
    doctor.finding("no-date", "an answer of the service bears no Date");
    found.end = "unreachable";
    return;
  }
  const how = found.facts.credential === undefined ? "" : `, signed in with ${withArticle(found.facts.credential)}`;
  doctor.ok(
    "way-in",
    isListed || isRead ? `the service answers${how}` : `the service lets in, and refuses rights${how}`,
  );
  if (isContainerMissing || (read?.kind === "missing" && read.what === "container")) await makeContainer(doctor);
  tellExpiry(doctor);
}

/** The other checks need a container, and so does the first lock, which would make it. */
async function makeContainer(doctor: Doctor): Promise<void> {
  const { store, requests, options } = doctor;
  if (options.readOnly) {
    doctor.finding("container-missing", "the container does not exist");
    doctor.found.end = "findings";
    return;
  }
  try {
    await requests.ask("createContainer", "", (signal) => store.createContainer({ signal }));
    doctor.found.rights.createContainer = true;
    doctor.finding("container-missing", "the container did not exist; it was made, and stays");
  } catch (error) {
    if (!isMutexError(error) || error.code !== "ACCESS_DENIED") throw error;
    doctor.found.rights.createContainer = false;
    doctor.finding("right-create-container", error.message);
    doctor.found.end = "denied";
  }
}

function tellExpiry(doctor: Doctor): void {
  const until = doctor.probe?.credential.until;
  if (until === undefined || until - doctor.sources.wallTime() > SOON_MS) return;
  doctor.finding("sas-expires-soon", `the SAS expires at ${new Date(until).toISOString()}`);
}

/** Whether it was answered. A right that is missing is no obstacle: the service has let in. */
async function unlessWithoutRight(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isMutexError(error) && error.code === "ACCESS_DENIED" && error.why === "right") return false;
    throw error;
  }
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}
