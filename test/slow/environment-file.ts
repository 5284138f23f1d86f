/**
 * The variables of a file as systemd reads it (`EnvironmentFile=` in systemd.exec(5)): a line is a name, `=` and a
 * value; quotes of both kinds are taken away, nothing is replaced in single ones, a backslash escapes in double ones
 * and outside.
 */
export function asSystemdReads(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (/^\s*(?:[#;]|$)/.test(line)) continue;
    const [, name, value = ""] = /^\s*([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    // systemd warns, and goes on without it.
    if (name === undefined) continue;
    variables[name] = value
      .trim()
      .replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single?: string, double?: string, escaped?: string) => {
        return single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? "";
      });
  }
  return variables;
}
