const THEME_STORAGE_KEY = "azmutex-theme";

/** `auto`: the theme of the system. */
export type Theme = "auto" | "light" | "dark";

export function keptTheme(): Theme {
  const kept = localStorage.getItem(THEME_STORAGE_KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export function apply(theme: Theme): void {
  if (theme === "auto") {
    localStorage.removeItem(THEME_STORAGE_KEY);
    delete document.documentElement.dataset.theme;
    return;
  }
  localStorage.setItem(THEME_STORAGE_KEY, theme);
  document.documentElement.dataset.theme = theme;
}
