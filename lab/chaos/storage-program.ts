// Azurite's own command line, which waits until it is told its arguments and ends with the process that started it.
import { createRequire } from "node:module";

// What Azurite's dependencies have deprecated does not matter here.
process.noDeprecation = true;
const require = createRequire(import.meta.url);
// Loading takes most of the time that Azurite needs to start, and a minute on a busy machine.
require("azurite/dist/src/blob/BlobServerFactory.js");
process.once("disconnect", () => process.exit());
process.once("message", (args: readonly string[]) => {
  process.argv.push(...args);
  require("azurite/dist/src/blob/main.js");
});
