/** An id under which this process has a lease of a blob, or may have: the acquire, or the release, is under way. */
export interface StandingLease {
  /** The blob's. */
  readonly name: string;
  readonly leaseId: string;
  /** In how many milliseconds it has certainly run out at the service; undefined where that is not known. */
  readonly lapsesInMs?: number;
}
