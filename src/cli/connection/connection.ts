import { type Command, Option } from "commander";
import { AzureMutex, isMutexError, type MutexOptions } from "../../index.ts";
import { loadPackage } from "../../runtime/packages.ts";
import { printable } from "../../status/printable.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import type { PlaceJson } from "../output/json.ts";
import { awaited } from "../terminal/awaited.ts";
import { terminal } from "../terminal/terminal.ts";
import { AzureLogin } from "./azure-login.ts";
import { identityOf, identityText, takeIdentity } from "./identity.ts";
import { inOurWords } from "./option-names.ts";
import { wakeUpsFor } from "./wake-ups.ts";

/**
 * Where the locks are, as the command line says it. No secrets: other users can list the command lines of processes.
 */
export interface ConnectionOptions {
  readonly account?: string;
  readonly endpoint?: string;
  readonly container: string;
  readonly emulator?: boolean;
  readonly allowHttp?: boolean;
  readonly verbose?: boolean;
  /** Where the next azmutex finds what this one held, should it be killed. */
  readonly stateDir?: string;
  /** By which channel releases are told. */
  readonly wakeUps?: string;
}

interface LoginOptions {
  /** Whether a login to Azure that fails is an error. Otherwise the first request fails as it did. Default: true. */
  readonly needsLogin?: boolean;
}

const DEFAULT_CONTAINER = "locks";
const GROUP = "Connection:";
const NO_ACCOUNT =
  "no storage account: set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY, " +
  "AZURE_STORAGE_SAS_TOKEN or a login to Azure, or use --emulator";

/** As the service has them; the library checks its own, which a SAS goes past. */
const ACCOUNT_NAME = /^[a-z0-9]{3,24}$/;

/** For commands that hold locks. */
export const stateDirOption = (): Option =>
  new Option(
    "--state-dir <path>",
    "directory that lets the next azmutex release the locks of a killed one, once its command is gone; default: " +
      "AZMUTEX_STATE_DIR, or none",
  ).default(process.env.AZMUTEX_STATE_DIR || undefined);

export function withConnection(command: Command): Command {
  const options = [
    new Option("--account <name>", "storage account; default: AZURE_STORAGE_ACCOUNT"),
    new Option("--endpoint <url>", "the account's blob endpoint, for sovereign clouds and private names"),
    new Option("--container <name>", "container of the locks").default(
      containerOf(process.env) ?? DEFAULT_CONTAINER,
      `AZMUTEX_CONTAINER, or ${DEFAULT_CONTAINER}`,
    ),
    new Option("--emulator", "the emulator (Azurite) at http://127.0.0.1:10000").conflicts(["account", "endpoint"]),
    new Option("--allow-http", "speak plain http to another machine: an emulator in a compose network"),
    new Option(
      "-v, --verbose",
      "say on standard error what happens to the lock and the command, and what the library logs",
    ),
    new Option("-q, --quiet", "say nothing on standard error but what is wrong with the command line").conflicts(
      "verbose",
    ),
  ];
  for (const option of options) command.addOption(option.helpGroup(GROUP));
  return command;
}

/**
 * The mutex that options and environment name. Variables are those of the Azure CLI; but there
 * AZURE_STORAGE_CONNECTION_STRING outranks an account on the command line, and here what stands on the command line
 * comes first.
 */
export async function openMutex(
  options: ConnectionOptions,
  { needsLogin = true }: LoginOptions = {},
): Promise<AzureMutex> {
  const { container, allowHttp = false, verbose = false, stateDir: stateDirectory } = options;
  const login = new AzureLogin();
  const where = signIn(options, process.env, login);
  const log = verbose ? say : undefined;
  const wakeUps = await wakeUpsFor(options.wakeUps);
  const mutex = open({ ...where, containerName: container, allowHttp, stateDirectory, wakeUps, log });
  const identity = identityOf(where, process.env);
  takeIdentity(identity);
  if (verbose) say(`${placeOf(mutex)}: ${identityText(identity)}`);
  // Last: all else can be found wrong without it.
  if (where.credential !== login) return mutex;
  const opened = login.open(await anyCredential(), { verbose });
  await awaited("the login to Azure", needsLogin ? opened : opened.catch(() => undefined));
  return mutex;
}

/** `acme/locks`: the account or its host, and the container, for people. */
export function placeOf({ address }: Pick<AzureMutex, "address">): string {
  return address?.name ?? "a store without an address";
}

/** Account and container, for programs. */
export function placeJson({ address }: Pick<AzureMutex, "address">): PlaceJson {
  return { account: address?.account ?? "", container: address?.container ?? "" };
}

/**
 * What the service says, asked for by a request of the mutex. On a terminal it shows when the service does not answer.
 */
export function answered<T>({ address }: Pick<AzureMutex, "address">, answer: Promise<T>): Promise<T> {
  return awaited(address?.host ?? "the service", answer);
}

const say = (line: string): void => terminal.say(`azmutex: ${printable(line)}`);

function open(options: MutexOptions): AzureMutex {
  try {
    // The command runs one work, which waits for no other lock.
    return new AzureMutex({ ...options, asyncContext: false });
  } catch (error) {
    const text = inOurWords(error);
    if (text === undefined) throw error;
    const isOfVariable = options.containerName === containerOf(process.env);
    throw new CommandError(isOfVariable ? text.replace(/^--container\b/, "AZMUTEX_CONTAINER") : text, EXIT.usage);
  }
}

const containerOf = ({ AZMUTEX_CONTAINER }: NodeJS.ProcessEnv): string | undefined => AZMUTEX_CONTAINER || undefined;

function signIn(
  { account, endpoint, emulator }: ConnectionOptions,
  env: NodeJS.ProcessEnv,
  login: AzureLogin,
): MutexOptions {
  if (emulator) return { useStorageEmulator: true };
  const { AZURE_STORAGE_CONNECTION_STRING: connectionString, AZURE_STORAGE_KEY: accountKey } = env;
  if (connectionString && account === undefined && endpoint === undefined) return { connectionString };
  const accountName = account ?? (env.AZURE_STORAGE_ACCOUNT || undefined);
  if (accountName === undefined && endpoint === undefined) throw new CommandError(NO_ACCOUNT, EXIT.usage);
  checkEndpoint(endpoint);
  const named = { accountName, endpoint };
  if (accountKey) return { ...named, accountKey };
  const sas = env.AZURE_STORAGE_SAS_TOKEN?.replace(/^\?/, "");
  if (sas) return { sasUrl: `${blobEndpoint(accountName, endpoint)}/?${sas}` };
  return { ...named, credential: login };
}

/** Its value is quoted only where no signature can be in it. */
function checkEndpoint(endpoint: string | undefined): void {
  if (endpoint === undefined) return;
  if (/[?#@]|sig=/i.test(endpoint)) {
    throw new CommandError(
      "--endpoint must be a URL without query or password; a SAS goes into AZURE_STORAGE_SAS_TOKEN",
      EXIT.usage,
    );
  }
  if (!URL.canParse(endpoint)) {
    const value = JSON.stringify(endpoint);
    throw new CommandError(
      `--endpoint must be a URL such as https://acme.blob.core.windows.net, not ${value}`,
      EXIT.usage,
    );
  }
}

function blobEndpoint(accountName: string | undefined, endpoint: string | undefined): string {
  if (endpoint !== undefined) return endpoint.replace(/\/$/, "");
  if (accountName === undefined || !ACCOUNT_NAME.test(accountName)) {
    const value = JSON.stringify(accountName);
    throw new CommandError(
      `--account (or AZURE_STORAGE_ACCOUNT) must be 3 to 24 lower-case letters and digits, not ${value}`,
      EXIT.usage,
    );
  }
  return `https://${accountName}.blob.core.windows.net`;
}

/**
 * Managed identity, workload identity, the Azure CLI's login and what else Entra takes. Loaded only where it is wanted:
 * it is large.
 */
async function anyCredential(): Promise<NonNullable<MutexOptions["credential"]>> {
  const { DefaultAzureCredential } = await loadPackage("@azure/identity", () => import("@azure/identity")).catch(
    withoutLogin,
  );
  try {
    return new DefaultAzureCredential();
  } catch (cause) {
    const [why] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new CommandError(`no login to Azure with these variables: ${why}`, EXIT.usage, { cause });
  }
}

function withoutLogin(cause: unknown): never {
  if (!(isMutexError(cause) && cause.code === "SDK_NOT_LOADED" && cause.isMissing)) throw cause;
  throw new CommandError(
    "neither AZURE_STORAGE_KEY nor AZURE_STORAGE_SAS_TOKEN is set, and a login to Azure takes the package " +
      "@azure/identity: npm install @azure/identity",
    EXIT.usage,
    { cause },
  );
}
