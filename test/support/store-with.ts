import type { LeaseStore } from "../../src/store/lease-store.ts";

/** A store that answers some calls by itself, and leaves the others to the store behind it. */
export function storeWith(store: LeaseStore, own: Partial<LeaseStore>): LeaseStore {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(own, name) ?? Reflect.get(target, name);
      return typeof method === "function" && !(name in own) ? method.bind(target) : method;
    },
  });
}
