import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import type { TestContext } from "vitest";
import { expect } from "vitest";
import { ServedPage, type ServedPageOptions } from "../../support/served-page.ts";
import { barriersOn } from "./barriers.ts";

/** Whatever takes longer hangs: a busy machine is slow, and nothing is wrong with that. */
const HANGS_MS = 240_000;

export interface OpenedPageOptions extends ServedPageOptions, BrowserContextOptions {
  /** What of the link comes after the server's address. Default: its token. */
  readonly at?: string;
}

/** The status page in a browser of its own, with what it complained about. */
export class OpenedPage {
  readonly served: ServedPage;
  readonly page: Page;
  /** Violations of the policy, errors, and whatever else the browser wrote to its console. */
  readonly complaints: string[] = [];

  private constructor(served: ServedPage, page: Page) {
    this.served = served;
    this.page = page;
    page.on("console", (message) => this.complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", ({ message }) => this.complaints.push(`uncaught: ${message}`));
  }

  static async open(test: TestContext, browser: Browser, options: OpenedPageOptions = {}): Promise<OpenedPage> {
    const { mayBreak, account, container, look, at, ...context } = options;
    const served = await ServedPage.start({
      mayBreak: mayBreak ?? false,
      ...(account !== undefined && { account }),
      ...(container !== undefined && { container }),
      ...(look && { look }),
    });
    test.onTestFinished(() => served[Symbol.asyncDispose]());
    const own = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...context });
    test.onTestFinished(() => own.close());
    const page = await own.newPage();
    page.setDefaultTimeout(HANGS_MS);
    const opened = new OpenedPage(served, page);
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        console.error(`policy: ${violatedDirective} ${blockedURI}`),
      );
    });
    await page.goto(at === undefined ? served.link : `${served.origin}${at}`);
    return opened;
  }

  readonly row = (key: string): Locator => this.page.locator(`tr[data-key="${key}"]`);

  /** The keys in the document, from above. */
  readonly keys = (): Promise<string[]> =>
    this.page.locator("tr[data-key]").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-key") ?? ""));

  /** Until the row says this. */
  readonly shows = async (key: string, text: RegExp): Promise<void> => {
    await expect.poll(() => this.row(key).innerText()).toMatch(text);
  };

  get panel(): Locator {
    return this.page.locator("aside");
  }

  /** What axe finds that keeps a user from using the page. */
  readonly barriers = (): Promise<string[]> => barriersOn(this.page);
}
