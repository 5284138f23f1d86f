// The site's configuration: VitePress reads it from build/site/.vitepress.
import { readFileSync } from "node:fs";
import { contents } from "./contents.mjs";

/** As GitHub makes them: the links of the documents are made for it. */
function slugify(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replaceAll(" ", "-");
}

const sections = contents(readFileSync(new URL("../docs/index.md", import.meta.url), "utf8"));
const withoutReadme = (link) =>
  link
    .replace(/README\.md$/, "")
    .replace(/index\.md$/, "")
    .replace(/\.md$/, "");

/** How long an inline code may be that is not broken at the end of a line, as at the hyphens of `--account`. */
const WHOLE = 24;

function keepWhole({ renderer }) {
  const render = renderer.rules.code_inline;
  renderer.rules.code_inline = (tokens, at, ...more) => {
    if (tokens[at].content.length <= WHOLE) tokens[at].attrJoin("class", "whole");
    return render(tokens, at, ...more);
  };
}

export default {
  title: "azmutex",
  description: "A distributed mutex for TypeScript on Azure Blob leases",
  lang: "en",
  base: process.env.SITE_BASE ?? "/",
  srcDir: ".",
  outDir: "dist",
  cacheDir: "cache",
  metaChunk: true,
  // A page would fetch 100 KB of the pages that it links to.
  router: { prefetchLinks: false },
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${process.env.SITE_BASE ?? "/"}icon.svg` }]],
  // Without attributes: braces in the types of the API are none.
  markdown: {
    anchor: { slugify },
    toc: { slugify },
    attrs: { disable: true },
    config: keepWhole,
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    nav: [
      { text: "Documentation", link: "/docs/" },
      { text: "API", link: "/api/" },
      { text: "Examples", link: "/examples/" },
    ],
    sidebar: [
      ...sections.map(({ text, items }) => ({
        text,
        items: items.map((item) => ({ text: item.text, link: withoutReadme(item.link) })),
      })),
      { text: "API reference", link: "/api/" },
    ],
    outline: [2, 3],
    search: {
      provider: "local",
      options: {
        // A page for each member would bury what the documents say of it.
        _render: (source, env, markdown) =>
          /^api\/.*\..*\..*\.md$/.test(env.relativePath) ? "" : markdown.render(source, env),
      },
    },
  },
};
