/**
 * The store port: what azmutex asks of a storage, and the answers it takes. For a program that brings a storage of its
 * own, given as {@link ConnectOptions.store}; `describeLeaseStore` of `azmutex/testing` checks one. It has types alone.
 *
 * @packageDocumentation
 */

export type { LossReason } from "../errors.ts";
export type {
  AcquireAnswer,
  BreakAnswer,
  BreakCall,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  LeaseState,
  LeaseStore,
  ListCall,
  Metadata,
  Missing,
  ReadAnswer,
  ReadCall,
  Refused,
  ReleaseAnswer,
  RemoveAnswer,
  RemoveCall,
  RenewAnswer,
  Stamp,
  StoreCall,
  StoredBlob,
  Unmet,
  WriteAnswer,
  WriteCall,
} from "./lease-store.ts";
export type { ReleaseRequest } from "./release-request.ts";
export type { StoreAddress } from "./store-address.ts";
