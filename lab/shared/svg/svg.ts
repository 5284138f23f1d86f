// Just enough SVG: strings, put together by small functions.

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; what is `undefined` among its attributes is left out. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? short(value) : escapeText(String(value))}"`)
    .join("");
  return content.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${content.join("")}</${name}>`;
}

/** The root: a picture of that size, with a title, and a description if there is one, for those who cannot see it. */
export function picture(
  { width, height, title, description }: { width: number; height: number; title: string; description?: string },
  ...content: readonly string[]
): string {
  const labelledBy = description === undefined ? "title" : "title description";
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-labelledby": labelledBy,
    },
    element("title", { id: "title" }, escapeText(title)),
    ...(description === undefined ? [] : [element("desc", { id: "description" }, escapeText(description))]),
    ...content,
  );
}

export function text(x: number, y: number, kind: string, words: string, anchor?: "middle" | "end"): string {
  return element("text", { x, y, class: kind, "text-anchor": anchor }, escapeText(words));
}

export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return element("line", { x1, y1, x2, y2, class: kind });
}

/** Many bars as one path: a picture with a thousand of them stays small. */
export function bars(of: readonly { x: number; width: number }[], y: number, height: number, kind: string): string {
  if (of.length === 0) return "";
  const d = of
    .map(({ x, width }) => `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`)
    .join("");
  return element("path", { d, class: kind });
}

export type Point = readonly [x: number, y: number];

export function polyline(points: readonly Point[], kind: string): string {
  return element("polyline", { points: listed(points), class: kind });
}

export function polygon(points: readonly Point[], kind: string): string {
  return element("polygon", { points: listed(points), class: kind });
}

function listed(points: readonly Point[]): string {
  return points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ");
}

export function escapeText(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Two decimals: a hundredth of a pixel cannot be seen. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
