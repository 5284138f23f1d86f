// The servers over which tests send wake-ups, and where their programs are. Run as a program it prints the packages of
// Debian that this machine lacks, one a line.
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** By the name of their tests. */
const SERVERS = [
  { name: "redis", programs: ["redis-server"], debianPackage: "redis-server" },
  { name: "postgres", programs: ["initdb", "postgres"], debianPackage: "postgresql" },
  { name: "nats", programs: ["nats-server"], debianPackage: "nats-server" },
];

/** Debian keeps the programs of each version of PostgreSQL in a folder that no PATH has. */
const POSTGRES_VERSIONS = "/usr/lib/postgresql";

const folders = () => [
  ...(process.env.PATH ?? "").split(delimiter).filter(Boolean),
  "/usr/sbin",
  ...(existsSync(POSTGRES_VERSIONS)
    ? readdirSync(POSTGRES_VERSIONS).map((version) => join(POSTGRES_VERSIONS, version, "bin"))
    : []),
];

const canRun = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const find = (name) =>
  folders()
    .map((folder) => join(folder, name))
    .find(canRun);

/** Where the program is. Throws where it is not, naming the package that has it. */
export function programOf(name) {
  const path = find(name);
  if (path !== undefined) return path;
  const server = SERVERS.find(({ programs }) => programs.includes(name));
  throw new Error(`${name} is not installed: apt-get install ${server?.debianPackage ?? name}`);
}

/** The servers that this machine does not have. */
export const missingServers = () => SERVERS.filter(({ programs }) => programs.some((name) => find(name) === undefined));

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { debianPackage } of missingServers()) console.log(debianPackage);
