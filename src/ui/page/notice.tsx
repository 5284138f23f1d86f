import type { ServiceProblem, Vanished } from "../snapshot.ts";
import type { FeedState } from "./feed.ts";
import { counted, duration } from "./labels.ts";
import { Between, Moment } from "./moment.tsx";

/** Why the page does not show the present state: no session, no server, or a problem of the service. */
export function Notice({
  state,
  problem,
  now,
}: {
  readonly state: FeedState;
  readonly problem: ServiceProblem | undefined;
  readonly now: number;
}) {
  if (state === "unauthorized") {
    return (
      <p class="notice" role="alert">
        <strong>This page does not know you.</strong> Open the link that <code>azmutex ui</code> has printed: it has a
        token in it, a new one each time it is started.
      </p>
    );
  }
  if (state === "gone") {
    return (
      <p class="notice" role="alert">
        <strong>The page's server does not answer.</strong> Was <code>azmutex ui</code> ended? What is shown is as it
        was last seen.
      </p>
    );
  }
  if (!problem) return null;
  return (
    <p class="notice" role="alert">
      <strong>{TITLES[problem.kind]}</strong> {problem.message}. Since <Moment at={problem.since} now={now} />; asked
      again <span class="ticking">{problem.againAt > now ? `in ${duration(problem.againAt - now + 999)}` : "now"}</span>
      .
    </p>
  );
}

const TITLES: Readonly<Record<ServiceProblem["kind"], string>> = {
  denied: "Access denied.",
  unreachable: "The storage service does not answer.",
  refused: "The storage service refuses to say.",
  defect: "A defect of azmutex.",
};

interface VanishedAlarmProps {
  readonly vanished: Vanished;
  /** Account and container. */
  readonly place: string;
  /** Whether the container is gone as well. */
  readonly isContainerMissing: boolean;
  /** Leads to the locks that were lost. */
  readonly lossesHref: string;
  readonly now: number;
}

/** The alarm that all locks went at once: they were deleted. Each holder loses its lock, and others can take it. */
export function VanishedAlarm({ vanished, place, isContainerMissing, lossesHref, now }: VanishedAlarmProps) {
  const { at, lastSeen, held } = vanished;
  return (
    <p class="notice" role="alert">
      <strong>All locks are gone while {counted(held, "was", "were")} held.</strong>{" "}
      {isContainerMissing ? "Container " : "Their blobs in container "}
      <code>{place}</code> {isContainerMissing ? "was" : "were"} deleted (
      <Between earliest={lastSeen} latest={at} now={now} />
      ). The holders are at work until their next renewal fails, and others can take the same locks now.{" "}
      <a href={lossesHref}>Show what was lost</a>
    </p>
  );
}

interface NoLocksProps {
  /** Account and container. */
  readonly place: string;
  readonly container: string;
  readonly isContainerMissing: boolean;
}

/** The help on a container without locks, or that is missing. */
export function NoLocks({ place, container, isContainerMissing }: NoLocksProps) {
  return (
    <div class="empty">
      <h2>
        No locks in container <code>{place}</code>
      </h2>
      <p>
        {isContainerMissing ? "The container does not exist: the first lock makes it, if that is its name. " : ""}
        Take a lock, and it shows here within seconds:
      </p>
      <pre>azmutex run{container === "locks" ? "" : ` --container ${container}`} hello -- sleep 60</pre>
      <p class="muted">Other locks? Start azmutex ui with another --container or --account.</p>
    </div>
  );
}
