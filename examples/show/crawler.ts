import { setTimeout as sleep } from "node:timers/promises";
import { allSucceed, names, type Show } from "./show.ts";
import { Site } from "./site.ts";

const CRAWLERS = 4;
const PAGES = 60;
const PAGE_MS = 500;

export const crawler: Show = {
  summary: "`Semaphore`: at most five downloads at once, across all processes",
  notice: "the site counts: never more than five pages at once, whichever crawlers fetch them",
  async play({ say, start }) {
    await using site = await Site.open(() => sleep(PAGE_MS));
    say(`${PAGES} pages at ${site.url}, each of which takes ${PAGE_MS} ms`);
    const pages = site.pages(PAGES);
    const share = PAGES / CRAWLERS;
    const crawlers = names("crawler", CRAWLERS).map((name, index) =>
      start("crawler", name, { args: pages.slice(index * share, (index + 1) * share) }),
    );
    await allSucceed(crawlers);
    const fetches = [...site.fetches.values()];
    if (fetches.length !== PAGES || fetches.some((times) => times !== 1))
      throw new Error("not every page was fetched once");
    if (site.most > 5) throw new Error(`${site.most} pages were fetched at once`);
    return `${PAGES} pages fetched once each by ${CRAWLERS} crawlers, at most ${site.most} at once`;
  },
};
