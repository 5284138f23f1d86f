import type { DoctorRight } from "./diagnosis.ts";

type Rights = Readonly<Partial<Record<DoctorRight, boolean>>>;

/** The rights that each part of azmutex takes: the table of docs/permissions.md. */
const NEEDS: Readonly<Record<string, readonly DoctorRight[]>> = Object.freeze({
  "locks with fencing: false": ["write"],
  "locks, elections": ["write", "read"],
  "inspect, list": ["read", "list"],
  break: ["write", "read"],
  fair: ["write", "read", "list", "delete"],
  once: ["write", "read"],
  semaphores: ["write", "read", "list"],
  "reader-writer locks": ["write", "read", "list"],
  "clearing up after dead readers": ["write", "read", "list", "delete"],
  "making the container": ["createContainer"],
});

/** Whether the rights are enough for each part, where they were tried. */
export function featuresWith(rights: Rights): Record<string, boolean> {
  const known = Object.entries(NEEDS).filter(([, needed]) => needed.every((right) => rights[right] !== undefined));
  return Object.fromEntries(known.map(([feature, needed]) => [feature, needed.every((right) => rights[right])]));
}
