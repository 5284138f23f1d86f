// The default theme in the fonts of the reader's system, with colours that are easy to read.
import theme from "vitepress/theme-without-fonts";

import "./site.css";

export default theme;
