/** The name of something that a service is known to do otherwise than Azure is documented to. */
export type LeaseStoreDeviation =
  | "renewWithForeignIdOnExpiredLease"
  | "leaseIdsNotValidated"
  | "leaseIdsCaseSensitive"
  | "fractionalLeaseLength"
  | "breakPeriodOver60OnInfiniteLease";

/**
 * What Azurite 3.35 does otherwise, as far as a `LeaseStore` lets one see it. A store under test that has such a
 * deviation names it, and `describeLeaseStore` leaves out the cases that assert the opposite.
 */
export const AZURITE_DEVIATIONS: Readonly<Record<LeaseStoreDeviation, string>> = Object.freeze({
  renewWithForeignIdOnExpiredLease:
    "A renewal with any id at all succeeds on an expired lease, and revives the lease of its last holder.",
  leaseIdsNotValidated: 'A lease id need not be a GUID: "not-a-guid" is accepted.',
  leaseIdsCaseSensitive: "Lease operations compare lease ids case-sensitively; only writes do not.",
  fractionalLeaseLength: "A lease of 15.5 seconds is accepted.",
  breakPeriodOver60OnInfiniteLease: "A break period of 61 seconds is accepted on an infinite lease.",
});
