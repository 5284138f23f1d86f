import { isMutexError } from "../../errors.ts";
import type { AccountProbe, ProbeAnswer } from "../../store/azure/account-probe.ts";
import type { Doctor } from "../doctor.ts";
import { HelperBlob } from "../helper-blob.ts";

const CHANGE_FEED = "$blobchangefeed";
const GEO_REDUNDANT = /GRS|GZRS/;
const FAILOVER = "docs/operations.md#failover-to-another-region";

/** Features of the account that change what a lock costs, or whether it works. */
export async function checkAccount(doctor: Doctor): Promise<void> {
  const { probe } = doctor;
  if (!probe) return doctor.skip("account", "the store is not Azure's");
  await tellKind(doctor, probe);
  const facts = await unlessRefused(doctor.requests.ask("read", "", (signal) => probe.containerFacts(signal)));
  const immutability = facts?.hasLegalHold ? "legal-hold" : facts?.hasPolicy ? "immutable" : undefined;
  if (immutability) doctor.finding(immutability, "the container says so");
  if (doctor.options.readOnly) return doctor.skip("features", "takes writing, which readOnly leaves out");
  if (!doctor.may("write")) return doctor.skip("features", "takes the right to write");
  await tellFeatures(doctor, probe, immutability !== undefined);
}

async function tellKind(doctor: Doctor, probe: AccountProbe): Promise<void> {
  const { found, requests } = doctor;
  const account = await unlessRefused(requests.ask("read", "", (signal) => probe.accountFacts(signal)));
  const { kind, sku, isHierarchical } = account ?? {};
  if (kind !== undefined) found.facts.accountKind = kind;
  if (sku !== undefined) found.facts.accountSku = sku;
  const told = [kind, sku, sku && GEO_REDUNDANT.test(sku) ? `another region has a copy: ${FAILOVER}` : undefined]
    .filter((part) => part !== undefined)
    .join(", ");
  if (told === "") doctor.skip("kind", "these credentials may not read what kind the account is");
  else doctor.ok("kind", told);
  if (isHierarchical) doctor.finding("hierarchical-namespace", "the account says so");
  if (await hasChangeFeed(doctor, probe)) doctor.finding("change-feed", "the account has a change feed");
}

/** It is kept in a container of the account. */
async function hasChangeFeed({ requests }: Doctor, probe: AccountProbe): Promise<boolean> {
  const feed = probe.sibling(CHANGE_FEED);
  if (!feed) return false;
  const found = requests.ask("read", "", (signal) => feed.probe.containerFacts(signal));
  return (await unlessRefused(found)) !== undefined;
}

/** What the account does to a write of metadata, and to a deletion. */
async function tellFeatures(doctor: Doctor, probe: AccountProbe, isKnownImmutable: boolean): Promise<void> {
  const blob = await HelperBlob.make(doctor, "features");
  const write = (signal: AbortSignal): Promise<ProbeAnswer> => probe.writeMetadata(blob.name, signal);
  const written = await doctor.requests.ask("writeRecord", blob.name, write);
  if (written.kind === "refused") return tellRefusal(doctor, "a write of metadata", written, isKnownImmutable);
  const versions = written.keepsVersions ? "a write of metadata made a version" : undefined;
  doctor.look("versioning", versions, "a write of metadata makes no version");
  if (!doctor.may("delete")) return doctor.skip("soft-delete", "takes the right to delete");
  const remove = (signal: AbortSignal): Promise<ProbeAnswer> => probe.deleteBlob(blob.name, signal);
  const removed = await doctor.requests.ask("remove", blob.name, remove);
  if (removed.kind === "refused") return tellRefusal(doctor, "a deletion", removed, isKnownImmutable);
  doctor.blobs.gone(blob.name);
  const kept = removed.keepsDeleted ? "a deleted blob is kept" : undefined;
  doctor.look("soft-delete", kept, "a deleted blob is gone");
}

type RefusedProbe = Extract<ProbeAnswer, { readonly kind: "refused" }>;

function tellRefusal(doctor: Doctor, what: string, { immutableBy, status }: RefusedProbe, isKnown: boolean): void {
  const seen = `${what} was refused: ${status}`;
  if (immutableBy === undefined) doctor.skip("features", seen);
  else if (!isKnown) doctor.finding(immutableBy === "legalHold" ? "legal-hold" : "immutable", seen);
}

/** What comes of it; undefined where the credentials do not allow it, or there is no such thing. */
async function unlessRefused<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isMutexError(error) && (error.code === "ACCESS_DENIED" || error.code === "STORE_REFUSED")) return undefined;
    throw error;
  }
}
