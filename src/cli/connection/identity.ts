import type { MutexOptions } from "../../index.ts";

/** By what the command signs in, and what else could have been meant. */
export interface Identity {
  /** `AZURE_STORAGE_KEY`, say. */
  readonly by: string;
  /** Variables that name an account or an identity, are set, and were not used. */
  readonly unused: readonly string[];
}

const CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING";
const ACCOUNT_KEY = "AZURE_STORAGE_KEY";
const SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN";
const STORAGE_ACCOUNT = "AZURE_STORAGE_ACCOUNT";

/** Which identity was taken for these options of the library, of those that the environment has. */
export function identityOf(where: MutexOptions, env: NodeJS.ProcessEnv): Identity {
  const by = usedBy(where);
  const isAccountUsed =
    where.accountName === env[STORAGE_ACCOUNT] ||
    (by === SAS_TOKEN && String(where.sasUrl).includes(`//${env[STORAGE_ACCOUNT]}.`));
  const unused = [CONNECTION_STRING, ACCOUNT_KEY, SAS_TOKEN].filter((name) => name !== by);
  return { by, unused: [...unused, ...(isAccountUsed ? [] : [STORAGE_ACCOUNT])].filter((name) => env[name]) };
}

function usedBy({ useStorageEmulator, connectionString, accountKey, sasUrl }: MutexOptions): string {
  if (useStorageEmulator) return "--emulator";
  if (connectionString !== undefined) return CONNECTION_STRING;
  if (accountKey !== undefined) return ACCOUNT_KEY;
  return sasUrl === undefined ? "the login to Azure" : SAS_TOKEN;
}

/** `signed in with AZURE_STORAGE_KEY; set as well, and not used: AZURE_STORAGE_CONNECTION_STRING` */
export function identityText({ by, unused }: Identity): string {
  return `signed in with ${by}${unused.length > 0 ? `; set as well, and not used: ${unused.join(", ")}` : ""}`;
}

let taken: Identity | undefined;

/** From now on this process signs in so. */
export function takeIdentity(identity: Identity): void {
  taken = identity;
}

/** By what this process signs in, as it says it of itself. */
export function identityTaken(): string | undefined {
  return taken?.by;
}

/** For an error about access: ` (signed in with …)` where another identity may have been meant, or nothing. */
export function identityNote(): string {
  return taken && taken.unused.length > 0 ? ` (${identityText(taken)})` : "";
}
