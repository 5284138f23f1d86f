import type { FindingTexts } from "./finding.ts";

const ACCOUNT_LINK = "docs/operations.md#the-account";

export type AccountFinding =
  | "versioning"
  | "soft-delete"
  | "immutable"
  | "legal-hold"
  | "hierarchical-namespace"
  | "change-feed";

/** Features of an account that concern locks. */
export const ACCOUNT: FindingTexts<AccountFinding> = Object.freeze({
  versioning: {
    severity: "notice",
    means: "Each record of a holder leaves a version: one whenever another process takes the lock.",
    advice:
      "Turn it off, let a lifecycle rule delete versions after a day, or use fencing: false. " +
      "az storage account blob-service-properties update --account-name ACCOUNT --enable-versioning false",
    link: ACCOUNT_LINK,
  },
  "soft-delete": {
    severity: "notice",
    means: "Tickets of fair and readers' blobs stay for the retention time after they are deleted.",
    advice:
      "Turn it off for an account of locks: " +
      "az storage account blob-service-properties update --account-name ACCOUNT --enable-delete-retention false",
    link: ACCOUNT_LINK,
  },
  immutable: {
    severity: "failing",
    means: "A policy forbids to write metadata: locks work with fencing: false alone, and helper blobs stay.",
    advice: "Take another container, without the policy.",
    link: ACCOUNT_LINK,
  },
  "legal-hold": {
    severity: "failing",
    means: "A legal hold forbids to write metadata: locks work with fencing: false alone, and helper blobs stay.",
    advice: "Take another container, without the hold.",
    link: ACCOUNT_LINK,
  },
  "hierarchical-namespace": {
    severity: "notice",
    means: "The account has folders: keys such as a and a/b are a file and a folder of one name.",
    advice: "Use no key that is the beginning of another's path.",
    link: ACCOUNT_LINK,
  },
  "change-feed": {
    severity: "notice",
    means: "Each record of a holder, and each ticket, is written to the change feed as well, and billed.",
    advice: "Keep locks in an account without it.",
    link: ACCOUNT_LINK,
  },
});
