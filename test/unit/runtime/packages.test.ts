import { describe, expect, it } from "vitest";
import { loadPackage } from "../../../src/runtime/packages.ts";

const failing = (message: string, code?: string) => () =>
  Promise.reject(Object.assign(new Error(message), code && { code }));

describe("a package that azmutex does not come with", () => {
  it("is imported", async () => {
    expect(await loadPackage("@azure/storage-blob", async () => "imported")).toBe("imported");
  });

  it("is required where Node remembers a failed import", async () => {
    for (const importIt of [
      failing("EMFILE: too many open files", "EMFILE"),
      failing("Cannot find package 'debug' imported from x", "ERR_MODULE_NOT_FOUND"),
    ])
      expect(await loadPackage("@azure/storage-blob", importIt)).toHaveProperty("ContainerClient");
  });

  it.each([
    ["Cannot find package 'not-there' imported from /x/y.js", "ERR_MODULE_NOT_FOUND", true],
    ["Cannot find module 'not-there'\nRequire stack:\n- /x/y.js", "MODULE_NOT_FOUND", true],
    ["Cannot find package 'debug' imported from /x/node_modules/not-there/index.js", "ERR_MODULE_NOT_FOUND", false],
    ["Cannot find module '/x/node_modules/not-there/index.js' imported from /x/y.js", "ERR_MODULE_NOT_FOUND", false],
    ["Set.prototype.union is not a function", undefined, false],
  ])("is missing only where it was not found itself: %s", async (message, code, isMissing) => {
    const error = await loadPackage("not-there", failing(message, code)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "SdkNotLoadedError", code: "SDK_NOT_LOADED", isMissing, cause: { message } });
    const [why = ""] = message.split("\n");
    const text = isMissing
      ? "azmutex needs the package not-there: npm install not-there"
      : `azmutex cannot load the package not-there: ${why}`;
    expect((error as Error).message).toContain(text);
  });

  it.each(["ENFILE", "ENOMEM", "EAGAIN"])(
    "is what require says of it where the import failed with %s",
    async (code) => {
      const error = await loadPackage("not-there", failing(code, code)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SDK_NOT_LOADED", cause: { code: "MODULE_NOT_FOUND" } });
    },
  );
});
