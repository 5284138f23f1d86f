import type { Snapshot } from "../snapshot.ts";
import { fetchSignedIn, UnauthorizedError } from "./access.ts";
import { PageData } from "./page-data.ts";
import { startTimer } from "./time.ts";

/** How often a hidden page polls. */
const HIDDEN_EVERY_MS = 30_000;
const FIRST_AGAIN_MS = 2_000;
const LONGEST_AGAIN_MS = 30_000;

/** `unauthorized`: the link is missing, or of an earlier run. `gone`: the page's server does not answer. */
export type FeedState = "starting" | "live" | "unauthorized" | "gone";

/** Polls the page's server for news, as often as the server says, and less often while the page is hidden. */
export class Feed {
  readonly data = new PageData();
  state: FeedState = "starting";
  readonly #onNews: () => void;
  #cancel: () => void = () => undefined;
  #isAsking = false;
  #failures = 0;

  constructor(onNews: () => void) {
    this.#onNews = onNews;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.askNow();
    });
  }

  askNow(): void {
    this.#cancel();
    if (!this.#isAsking) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#isAsking = true;
    let againInMs: number;
    try {
      const { run = "", version = 0 } = this.data.latest ?? {};
      const answer = await fetchSignedIn(`/locks?run=${run}&after=${version}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const snapshot = (await answer.json()) as Snapshot;
      this.data.apply(snapshot);
      this.state = "live";
      this.#failures = 0;
      againInMs = snapshot.askAgainInMs;
    } catch (error) {
      this.state = error instanceof UnauthorizedError ? "unauthorized" : "gone";
      againInMs = Math.min(FIRST_AGAIN_MS * 2 ** this.#failures, LONGEST_AGAIN_MS);
      this.#failures += 1;
    }
    this.#isAsking = false;
    // Before the news is shown: if showing throws, the polling goes on.
    this.#cancel = startTimer(document.hidden ? Math.max(againInMs, HIDDEN_EVERY_MS) : againInMs, () => this.askNow());
    this.#onNews();
  }
}
