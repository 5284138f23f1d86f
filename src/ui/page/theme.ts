const KEPT_AS = "azmutex-theme";

/** `auto`: as the system has it. */
export type Theme = "auto" | "light" | "dark";

export function keptTheme(): Theme {
  const kept = localStorage.getItem(KEPT_AS);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export function apply(theme: Theme): void {
  if (theme === "auto") {
    localStorage.removeItem(KEPT_AS);
    delete document.documentElement.dataset.theme;
    return;
  }
  localStorage.setItem(KEPT_AS, theme);
  document.documentElement.dataset.theme = theme;
}
