const FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';
const LENS_EDGE = ".lensEdge { stroke: #8b949e; stroke-width: 1; stroke-opacity: .6; fill: none; }";

const rowStyles = (colours: readonly string[]): string =>
  colours.map((colour, row) => `.row${row} { fill: ${colour}; }`).join(" ");
const LIGHT_ROWS = rowStyles(["#0969da", "#bf5b00", "#8250df", "#0f766e", "#b8328a", "#5c7a00"]);
const DARK_ROWS = rowStyles(["#58a6ff", "#f0883e", "#bc8cff", "#2dd4bf", "#f778ba", "#a5c93d"]);

/** The picture's own style: light by default, dark for a reader whose system is. A worker's colour follows its row. */
export const STYLE = `
  text { font-family: ${FONTS}; fill: #24292f; font-size: 13px; }
  .paper { fill: #ffffff; } .panel { fill: #f6f8fa; } .stripe { fill: #eef1f4; }
  .title { font-size: 27px; font-weight: 650; } .heading { font-size: 15px; font-weight: 600; }
  .figure { font-size: 25px; font-weight: 650; } .small { font-size: 12px; } .name { font-weight: 600; }
  .quiet { fill: #59636e; } .bad { fill: #cf222e; }
  .grid { stroke: #d1d9e0; stroke-width: 1; } .axis { stroke: #8b949e; stroke-width: 1; }
  .wait { fill: #afb8c1; } .baton { fill: none; stroke: #59636e; stroke-width: 1; stroke-opacity: .55; }
  .lens { fill: #8b949e; fill-opacity: .13; } ${LENS_EDGE}
  .dead { fill: #cf222e; fill-opacity: .08; stroke: #cf222e; stroke-width: 1.4; stroke-dasharray: 6 4; }
  .halt { fill: #cf222e; fill-opacity: .045; }
  .killLine { stroke: #cf222e; stroke-width: 1.6; } .kill { fill: #cf222e; font-weight: 600; }
  .cross { stroke: #cf222e; stroke-width: 2.6; stroke-linecap: round; fill: none; }
  .heirLine { stroke: #1a7f37; stroke-width: 1.6; } .heir { fill: #1a7f37; font-weight: 600; }
  .count { fill: none; stroke: #24292f; stroke-width: 1.6; } .countArea { fill: #8b949e; fill-opacity: .2; }
  .intruded { fill: none; stroke: #cf222e; stroke-width: 2; }
  ${LIGHT_ROWS}
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .paper { fill: #0d1117; } .panel { fill: #151b23; } .stripe { fill: #1b222c; }
    .quiet { fill: #9198a1; } .bad { fill: #ff7b72; }
    .grid { stroke: #2f3742; } .axis { stroke: #6e7681; }
    .wait { fill: #4a535e; } .baton { stroke: #9198a1; }
    .lens { fill: #9198a1; } .lensEdge { stroke: #9198a1; }
    .dead { fill: #ff7b72; fill-opacity: .1; stroke: #ff7b72; } .halt { fill: #ff7b72; fill-opacity: .06; }
    .killLine, .cross { stroke: #ff7b72; } .kill { fill: #ff7b72; }
    .heirLine { stroke: #56d364; } .heir { fill: #56d364; }
    .count { stroke: #e6edf3; } .intruded { stroke: #ff7b72; }
    ${DARK_ROWS}
  }
`;
