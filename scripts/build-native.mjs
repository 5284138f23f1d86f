// Builds better-sqlite3, which two of the examples want, where it is not built yet: installing runs no scripts (.npmrc).
import { spawnSync } from "node:child_process";

/** In a process of its own: a module that failed to load once fails ever after. */
function loads() {
  const open = 'new (require("better-sqlite3"))(":memory:").close()';
  return spawnSync(process.execPath, ["--eval", open], { stdio: "ignore" }).status === 0;
}

if (!loads()) {
  console.log("better-sqlite3: fetching its binary, or compiling it, which takes a minute or two …");
  const { status, stdout, stderr } = spawnSync("npm", ["rebuild", "better-sqlite3", "--ignore-scripts=false"], {
    encoding: "utf8",
    maxBuffer: Infinity,
    shell: process.platform === "win32",
  });
  if (status !== 0 || !loads()) {
    console.error(
      `${stdout}${stderr}\nbetter-sqlite3 could not be built: it needs Python, make and a C++ compiler where there is no binary of it.`,
    );
    process.exitCode = 1;
  }
}
