import {
  AccountSASPermissions,
  BlobServiceClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { afterAll } from "vitest";
import { Storage } from "../../support/storage.ts";

const storage = await Storage.start();
export const { emulator, proxy } = storage;
afterAll(() => storage[Symbol.asyncDispose]());

export const service = new BlobServiceClient(
  proxy.url,
  new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
);
export const containerName = "ways-in";
export const tomorrow = new Date(Date.now() + 86_400_000);

/** What docs/permissions.md says, by the letters of a SAS. */
export const enough = {
  container: ContainerSASPermissions.parse("rcwl"),
  account: AccountSASPermissions.parse("rcwl"),
};
