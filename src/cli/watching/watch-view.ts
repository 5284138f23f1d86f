import type { LocksLook } from "../../status/locks-look.ts";
import type { StatusPolling } from "./status-poller.ts";

/** What shows each look. */
export interface WatchView extends Pick<StatusPolling<LocksLook>, "onSeen" | "onOutage" | "onAnswer"> {
  end(): void;
}
