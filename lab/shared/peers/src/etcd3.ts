import { once } from "node:events";
import { Etcd3, EtcdLockFailedError, type Lock } from "etcd3";
import { LEASE_MS, type Peer, type PeerClient, WAIT_MS } from "./peer.ts";

/** Waits for the lock in the way of the library's that is measured, and resolves with how it is given back. */
type Obtain = (client: Etcd3, key: string, enough: AbortSignal) => Promise<() => Promise<void>>;

/**
 * `lock(key)`, which asks once; a watcher says when to ask again. Its lease is renewed by itself. The lock has nothing
 * to be told by when it is lost.
 */
export const peer: Peer = { connect: (port) => clientOf(port, watchAndLock) };

export const variants: Readonly<Record<string, Peer>> = {
  /** `election(key)`: the library's queue, in which each watches only the one before. */
  election: { connect: (port) => clientOf(port, campaign) },
};

function clientOf(port: string, obtain: Obtain): PeerClient {
  const client = new Etcd3({ hosts: `http://127.0.0.1:${port}` });
  return {
    async hold(key, work, { waitMs = WAIT_MS, signal } = {}) {
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(new Error(`${key} was not to be had within ${waitMs} ms`)), waitMs);
      const giveBack = await obtain(client, key, signal ? AbortSignal.any([signal, over.signal]) : over.signal).finally(
        () => clearTimeout(timer),
      );
      try {
        await work({ isHeld: () => true, onLost: () => undefined });
      } finally {
        await giveBack();
      }
    },
    // The process that measures it ends it by force.
    unref: () => undefined,
    close: () => client.close(),
  };
}

async function watchAndLock(client: Etcd3, key: string, enough: AbortSignal): Promise<() => Promise<void>> {
  const lock = (await tryLock(client, key)) ?? (await waitAndLock(client, key, enough));
  return () => lock.release();
}

async function waitAndLock(client: Etcd3, key: string, enough: AbortSignal): Promise<Lock> {
  const watcher = await client.watch().key(key).only("delete").create();
  const done = new AbortController();
  const signal = AbortSignal.any([enough, done.signal]);
  try {
    for (;;) {
      // Listened for from before it is tried: a release in between is not missed.
      const released = once(watcher, "delete", { signal });
      released.catch(() => undefined);
      const lock = await tryLock(client, key);
      if (lock) return lock;
      await released;
    }
  } finally {
    done.abort();
    // Not waited for, so that it does not count.
    watcher.cancel().catch(() => undefined);
  }
}

async function tryLock(client: Etcd3, key: string): Promise<Lock | undefined> {
  try {
    return await client
      .lock(key)
      .ttl(LEASE_MS / 1_000)
      .acquire();
  } catch (error) {
    if (error instanceof EtcdLockFailedError) return undefined;
    throw error;
  }
}

async function campaign(client: Etcd3, key: string, enough: AbortSignal): Promise<() => Promise<void>> {
  const running = client.election(key, LEASE_MS / 1_000).campaign("a waiter");
  // An error without a listener would end the process.
  running.on("error", () => undefined);
  try {
    await once(running, "elected", { signal: enough });
  } catch (error) {
    await running.resign();
    throw error;
  }
  return () => running.resign();
}
