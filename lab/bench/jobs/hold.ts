// Holds several keys, each with a client of its own, and says when the service granted and prolonged its leases.
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "../../shared/now.ts";
import type { PeerClient } from "../../shared/peers/src/peer.ts";

export interface HoldOrder {
  readonly keys: readonly { readonly key: string /** When to ask for it, from now. */; readonly afterMs: number }[];
  /** Default: until the process is killed. */
  readonly forMs?: number;
}

/** Times by `now()`. */
export type HoldEvent =
  | { readonly kind: "holds"; readonly key: string; readonly at: number }
  /** A request that would grant the lease or prolong it was sent. */
  | { readonly kind: "sent"; readonly key: string; readonly at: number }
  /** It was answered. */
  | { readonly kind: "answered"; readonly key: string; readonly sentAt: number; readonly isGranted: boolean };

const WAIT_MS = 600_000;

export async function run(
  client: PeerClient,
  given: unknown,
  tell: (event: unknown) => void,
  connect: () => PeerClient,
): Promise<void> {
  const { keys, forMs } = given as HoldOrder;
  const say = (event: HoldEvent): void => tell(event);
  if (forMs === undefined) watchLeases(new Set(keys.map(({ key }) => key)), say);
  const holdOne = async ({ key, afterMs }: HoldOrder["keys"][number], own: PeerClient): Promise<void> => {
    await sleep(afterMs);
    const work = async (): Promise<void> => {
      say({ kind: "holds", key, at: now() });
      await (forMs === undefined ? new Promise(() => undefined) : sleep(forMs));
    };
    await own.hold(key, work, { waitMs: WAIT_MS });
  };
  await Promise.all(keys.map((one, at) => holdOne(one, at === 0 ? client : connect())));
}

/** Listens to Node's own reports of what is sent, whatever the library. */
function watchLeases(keys: ReadonlySet<string>, say: (event: HoldEvent) => void): void {
  const underWay = new WeakMap<ClientRequest, { readonly key: string; readonly sentAt: number }>();
  subscribe("http.client.request.start", (message) => {
    const { request } = message as { request: ClientRequest };
    const key = prolonged(request);
    if (key === undefined || !keys.has(key)) return;
    const sentAt = now();
    underWay.set(request, { key, sentAt });
    say({ kind: "sent", key, at: sentAt });
  });
  subscribe("http.client.response.finish", (message) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const sent = underWay.get(request);
    if (sent) say({ kind: "answered", ...sent, isGranted: (response.statusCode ?? 0) < 300 });
  });
}

/** The name of the blob whose lease the request is to grant or prolong. */
function prolonged(request: ClientRequest): string | undefined {
  const action = request.getHeader("x-ms-lease-action");
  if (action !== "acquire" && action !== "renew") return undefined;
  return decodeURIComponent(request.path.split("?")[0]?.split("/").at(-1) ?? "");
}
