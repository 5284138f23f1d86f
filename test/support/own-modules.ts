import { vi } from "vitest";
import "./keep-handles.ts";

/**
 * Files that run in one process, one after the other, share the packages that are loaded there (the SDK, the emulator,
 * the browser's driver), and nothing of this project: what a module starts is started for each file that imports it.
 */
vi.resetModules();
