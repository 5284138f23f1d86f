/** The contents of docs/README.md: its headings, and the pages in the tables below them. */
export function contents(text) {
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      text: section.slice(0, section.indexOf("\n")),
      items: [...section.matchAll(/^\| \[(.+?)\]\(([^)]+)\) \| (.*) \|$/gm)].map(
        ([, name = "", link = "", what = ""]) => ({
          text: name.replaceAll("`", ""),
          link: new URL(link, "http://site/docs/").pathname,
          what,
        }),
      ),
    }));
}
