import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSync } from "oxc-parser";
import { afterAll, describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

/** What a declaration of the public API has, by the names of its members, its bases' aside. */
interface Declared {
  readonly isClass: boolean;
  readonly isAbstract: boolean;
  readonly members: readonly string[];
  readonly bases: readonly string[];
}

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

const nameOf = (node: Node): string => {
  if (node.type === "MemberExpression") return `${nameOf(node.object as Node)}.${nameOf(node.property as Node)}`;
  return String(node.name ?? node.value);
};

/** The classes and interfaces of an API report, which api-extractor makes of the declarations in dist/. */
function declaredIn(report: string): Map<string, Declared> {
  const [, code = ""] = /```ts\n([\s\S]*?)\n```/.exec(report) ?? [];
  const { program, errors } = parseSync("report.d.ts", code);
  if (errors.length > 0) throw new Error(`the report cannot be parsed: ${errors[0]?.message}`);
  const found = new Map<string, Declared>();
  for (const statement of program.body as unknown as Node[]) {
    const node = (statement.type === "ExportNamedDeclaration" ? statement.declaration : statement) as Node;
    if (node?.type !== "ClassDeclaration" && node?.type !== "TSInterfaceDeclaration") continue;
    const isClass = node.type === "ClassDeclaration";
    const heritage = [...((isClass ? node.implements : node.extends) as Node[])].map((one) => one.expression as Node);
    found.set(nameOf(node.id as Node), {
      isClass,
      isAbstract: node.abstract === true,
      members: ((node.body as Node).body as Node[]).flatMap((member) =>
        member.key ? [nameOf(member.key as Node)] : [],
      ),
      bases: [...(node.superClass ? [node.superClass as Node] : []), ...heritage].map(nameOf),
    });
  }
  return found;
}

const reports = ["azmutex", "azmutex-testing"].map((name) =>
  readFileSync(join(PROJECT, `docs/api/${name}.api.md`), "utf8"),
);
const DECLARED = new Map(reports.flatMap((report) => [...declaredIn(report)]));

function membersOf(name: string): readonly string[] {
  if (name === "Disposable") return ["Symbol.dispose"];
  if (name === "AsyncDisposable") return ["Symbol.asyncDispose"];
  if (name === "Error") return ["name", "message", "stack", "cause"];
  const declared = DECLARED.get(name);
  return declared ? [...declared.members, ...declared.bases.flatMap(membersOf)] : [];
}

const DISPOSING: ReadonlyMap<symbol, string> = new Map([
  [Symbol.dispose, "Symbol.dispose"],
  [Symbol.asyncDispose, "Symbol.asyncDispose"],
]);

/** All members that a program without types can reach on an object. */
function reachable(object: object): string[] {
  const names: string[] = [];
  const add = (key: string | symbol, { value }: PropertyDescriptor): void => {
    if (typeof key === "string") names.push(key);
    // A brand is no member.
    else if (typeof value === "function") names.push(DISPOSING.get(key) ?? String(key));
  };
  for (let level: object | null = object; level !== null && ![Object.prototype, Error.prototype].includes(level); ) {
    for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (key !== "constructor") add(key, descriptor);
    for (const key of Object.getOwnPropertySymbols(level)) add(key, Object.getOwnPropertyDescriptor(level, key) ?? {});
    level = Object.getPrototypeOf(level);
  }
  return names;
}

function staticsOf(object: object): string[] {
  const made = object.constructor;
  const own = [Object, Error].includes(made as never) ? [] : Object.getOwnPropertyNames(made);
  return own.filter((name) => !["length", "name", "prototype"].includes(name));
}

const undeclared = (object: object, name: string): string[] => [
  ...reachable(object).filter((member) => !membersOf(name).includes(member)),
  ...staticsOf(object).filter((member) => !membersOf(name).includes(member)),
];

const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(join(PROJECT, file)).href)) as T;
const azmutex = await load<typeof import("../../src/index.ts")>("dist/index.js");
const testing = await load<typeof import("../../src/testing/index.ts")>("dist/testing/index.js");

const memory = new testing.MemoryLeaseStore();
const faulty = new testing.FaultyLeaseStore(memory);
const mutex = new azmutex.AzureMutex({ store: memory });
const semaphore = new azmutex.Semaphore(mutex, "permits", { permits: 2 });
const election = new azmutex.LeaderElection(mutex, "election");
const both = new azmutex.ReaderWriterLock(mutex, "both");
const several = azmutex.lockAll(mutex, ["a", "b"]);
const lock = await mutex.locker("lock").lock();

/** An object of each class, and of each interface that objects of no class have. */
const OBJECTS: readonly (readonly [name: string, object: object])[] = [
  ["AzureMutex", mutex],
  ["AcquiredLease", await mutex.acquire("by hand", 15)],
  ["Locker", mutex.locker("lock")],
  ["Lock", lock],
  ["Semaphore", semaphore],
  ["Permit", await semaphore.acquire()],
  ["LeaderElection", election],
  ["Leadership", await election.campaign()],
  ["ReaderWriterLock", both],
  ["SourceLock", both.read],
  ["Lockable", both.read],
  ["Lockable", both.write],
  ["ReadLock", await both.read.lock()],
  ["Lockable", several],
  ["LockSet", await several.lock()],
  ["Once", new azmutex.Once(mutex, "nightly")],
  ["Shutdown", azmutex.releaseOnSignals(mutex)],
  ["ExitRelease", azmutex.releaseOnExit(mutex)],
  ["LeaseAlreadyPresentError", new azmutex.LeaseAlreadyPresentError("key")],
  ["NotHeldError", new azmutex.NotHeldError("key")],
  ["LockTimeoutError", new azmutex.LockTimeoutError("key", 1)],
  ["LockLostError", new azmutex.LockLostError("key", "taken", "how")],
  ["WorkStillRunningError", new azmutex.WorkStillRunningError("key", 1)],
  ["DeadlockError", new azmutex.DeadlockError("key")],
  ["LockUncertainError", new azmutex.LockUncertainError("key")],
  ["InvalidKeyError", new azmutex.InvalidKeyError("message")],
  ["StoreUnavailableError", new azmutex.StoreUnavailableError("message")],
  ["AccessDeniedError", new azmutex.AccessDeniedError("message")],
  ["StoreRefusedError", new azmutex.StoreRefusedError("message")],
  ["SdkNotLoadedError", new azmutex.SdkNotLoadedError("message", { isMissing: true })],
  ["DifferingPermitsError", new azmutex.DifferingPermitsError("key", 1, 2)],
  ["KeyKindMismatchError", new azmutex.KeyKindMismatchError("key", "lock", "semaphore")],
  ["OnceSlotError", new azmutex.OnceSlotError("message")],
  ["OnceRecordError", new azmutex.OnceRecordError("key", "problem")],
  ["MutexClosedError", new azmutex.MutexClosedError("message")],
  ["MemoryLeaseStore", memory],
  ["FaultyLeaseStore", faulty],
  ["Fault", faulty.delay("acquire", 1)],
  ["FakeClock", new testing.FakeClock()],
  ["MemoryWakeUps", new testing.MemoryWakeUps()],
];

afterAll(async () => {
  for (const [name, object] of OBJECTS)
    if (name === "Shutdown") await (object as AsyncDisposable)[Symbol.asyncDispose]();
    else if (name === "ExitRelease") (object as Disposable)[Symbol.dispose]();
  await mutex.close();
});

describe("a public object", () => {
  it.each(OBJECTS)("has at run time no member that its declaration has not: %s", (name, object) => {
    expect(membersOf(name).length).toBeGreaterThan(0);
    expect(undeclared(object, name)).toEqual([]);
  });

  it("is there of every class that is declared", () => {
    const classes = [...DECLARED].filter(([, { isClass, isAbstract }]) => isClass && !isAbstract).map(([name]) => name);
    expect(classes.filter((name) => !OBJECTS.some(([one]) => one === name))).toEqual([]);
  });

  it("has no base class without a member of its own", () => {
    const empty = [...DECLARED].filter(([, { isAbstract, members }]) => isAbstract && members.length === 0);
    expect(empty).toEqual([]);
  });
});

/** The names that an entry's declarations export. They are re-exports, one by one. */
const exportsIn = (declarations: string): { name: string; isType: boolean }[] =>
  [...declarations.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, all, names = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => ({ name: name.replace(/^type /, ""), isType: all !== undefined || name.startsWith("type ") })),
  );

describe("an entry of the package", () => {
  it.each([
    ["index", 10],
    ["store/index", 0],
    ["testing/index", 3],
  ])("has at run time every value that its types declare, in both module systems: %s", async (entry, least) => {
    for (const folder of ["dist", "dist/cjs"]) {
      const declared = exportsIn(readFileSync(join(PROJECT, folder, `${entry}.d.ts`), "utf8"));
      const values = declared.filter(({ isType }) => !isType).map(({ name }) => name);
      const exported = Object.keys(await load<object>(`${folder}/${entry}.js`));
      const own = exported.filter((name) => !["default", "module.exports", "__esModule"].includes(name));
      expect(declared.length).toBeGreaterThan(10);
      expect(values.length).toBeGreaterThanOrEqual(least);
      expect(own.sort()).toEqual(values.sort());
    }
  });
});

describe("the check of public objects itself", () => {
  it("sees a method, a getter and a static member that are not declared", () => {
    class Inner {
      static make(): Inner {
        return new Inner();
      }
      get standing(): number {
        return 1;
      }
      letGo(): void {
        this.standing;
      }
    }
    expect(undeclared(new Inner(), "AzureMutex")).toEqual(["standing", "letGo", "make"]);
    expect(undeclared(lock, "Holding")).toEqual(expect.arrayContaining(["fencingToken", "leaseId"]));
  });
});
