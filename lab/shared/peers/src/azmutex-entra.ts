import { ClientSecretCredential } from "@azure/identity";
import { SHORT_LEASE, withOptions } from "./azmutex.ts";
import type { Peer } from "./peer.ts";

const ID = "00000000-0000-0000-0000-000000000001";

/**
 * azmutex with Entra tokens. The address is the account's endpoint, and AZURE_AUTHORITY_HOST says who issues the
 * tokens.
 */
export const peer: Peer = withOptions(SHORT_LEASE, (endpoint) => ({
  endpoint,
  // As it comes, but for the request to Microsoft that asks whether the issuer is one of Azure's.
  credential: new ClientSecretCredential(ID, ID, "no secret", { disableInstanceDiscovery: true }),
}));
