import { readData } from "../shared/data.ts";
import { BLOBS, REDIS, type StorageRoom } from "../shared/storage/storage.ts";

/** A library in the matrix. */
export interface Column {
  readonly name: string;
  /** As `package.json` of peers has it; undefined for our own. */
  readonly package?: string;
  /** The adapter's module in `lab/shared/peers/`; "go" for the program of the interop suite. */
  readonly module: string;
  readonly room: StorageRoom;
  /** How long the lock is good without renewal, in milliseconds. */
  readonly leaseMs: number;
  /** The longest pause between two of its questions while it waits for the lock, in milliseconds. */
  readonly asksEveryMs: number;
  /** Rows that cannot be asked of it, by id, and why. */
  readonly notFor: Readonly<Record<string, string>>;
  /** How it is used, for the document. */
  readonly used: string;
}

type Written = Omit<Column, "room"> & { readonly room: keyof typeof ROOMS };

const ROOMS = { blobs: BLOBS, redis: REDIS } as const;

/** All of `columns.yaml`. */
export const COLUMNS: readonly Column[] = readData<Written[]>("lab/faults/columns.yaml").map((column) => ({
  ...column,
  room: ROOMS[column.room],
}));
