import type { WakeUps } from "../../../index.ts";

/** What a package exports. */
export type LoadedPackage = Readonly<Record<string, unknown>>;

/** Makes a channel of a client's package. What the client says of its connection goes to `failed`. */
export type ChannelMaker = (module: LoadedPackage, url: string, failed: (error: unknown) => void) => Promise<WakeUps>;
