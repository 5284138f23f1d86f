/** How the address of a server begins that carries wake-ups. */
const PROTOCOLS = ["redis:", "rediss:", "postgres:", "postgresql:", "nats:"] as const;

export type Protocol = (typeof PROTOCOLS)[number];

/** The protocol of an address. Undefined for what is no address of such a server. */
export function protocolOf(text: string): Protocol | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname } = new URL(text);
  return hostname === "" ? undefined : PROTOCOLS.find((one) => one === protocol);
}
