import { render } from "preact";
import { takeToken } from "./access.ts";
import { App } from "./app.tsx";
import { Feed } from "./feed.ts";
import { apply, keptTheme } from "./theme.ts";

apply(keptTheme());
takeToken();
let onNews = (): void => undefined;
const feed = new Feed(() => onNews());
const root = document.querySelector("#page");
if (root) {
  const subscribe = (callback: () => void): void => {
    onNews = callback;
  };
  render(<App feed={feed} subscribe={subscribe} />, root);
}
feed.askNow();
