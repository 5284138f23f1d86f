import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe finds that keeps a user from using the page. */
export async function barriersOn(page: Page): Promise<string[]> {
  // A script tag would be stopped by the policy.
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    interface Found {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string }[];
    }
    const { axe } = globalThis as unknown as {
      readonly axe: { run(): Promise<{ readonly violations: readonly Found[] }> };
    };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
}
