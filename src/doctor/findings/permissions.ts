import type { FindingTexts } from "./finding.ts";

const PERMISSIONS_LINK = "docs/permissions.md";

export type PermissionFinding = "right-write" | "right-read" | "right-list" | "right-delete" | "right-create-container";

/** Rights that the credentials lack. */
export const PERMISSIONS: FindingTexts<PermissionFinding> = Object.freeze({
  "right-write": {
    severity: "failing",
    means: "No lock can be taken, renewed or released.",
    advice: "Grant w in the SAS, or assign the role Storage Blob Data Contributor on the container.",
    link: PERMISSIONS_LINK,
  },
  "right-read": {
    severity: "failing",
    means: "Locks work with fencing: false alone; elections and inspect do not work.",
    advice: "Grant r in the SAS, or assign the role Storage Blob Data Contributor on the container.",
    link: PERMISSIONS_LINK,
  },
  "right-list": {
    severity: "notice",
    means: "fair, semaphores, reader-writer locks, list and the status page do not work.",
    advice: "Grant l in the SAS, or assign the role Storage Blob Data Contributor on the container.",
    link: PERMISSIONS_LINK,
  },
  "right-delete": {
    severity: "notice",
    means: "fair does not work, and what dead readers leave is not cleared up.",
    advice: "Grant d in the SAS, or assign the role Storage Blob Data Contributor on the container.",
    link: PERMISSIONS_LINK,
  },
  "right-create-container": {
    severity: "failing",
    means: "The container does not exist, and these credentials cannot make it: no lock can be taken.",
    advice: "Make it beforehand: az storage container create --name locks",
    link: PERMISSIONS_LINK,
  },
});
