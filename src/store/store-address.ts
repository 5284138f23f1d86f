/** Where the locks of a store are, in words for people. No part of it is secret. */
export interface StoreAddress {
  /** Account and container in one text: `acme/locks`, or `127.0.0.1:10000/devstoreaccount1/locks`. */
  readonly name: string;
  /**
   * The account's name in Azure's public cloud. Elsewhere the host, followed by the account where the URL has it in its
   * path.
   */
  readonly account: string;
  /** The host that requests go to, with its port where that is not the usual one. */
  readonly host: string;
  /** The name of the container. */
  readonly container: string;
}

/** A host of Azure's public cloud, the only one in which an account is known by its name alone. */
const PUBLIC_HOST = /^([^.]+)\.(?:(?:z\d+|privatelink)\.)?blob\.(?:core\.windows\.net|storage\.azure\.net)$/;
const ROUTING_SUFFIX = /-(?:internetrouting|microsoftrouting)$/;

/**
 * The address of a container of the account at this URL. The query of the URL, which may be secret, is no part of it.
 */
export function storeAddress({ host, hostname, pathname }: URL, container: string): StoreAddress {
  const account =
    PUBLIC_HOST.exec(hostname)?.[1]?.replace(ROUTING_SUFFIX, "") ?? `${host}${pathname.replace(/\/+$/, "")}`;
  return { name: `${account}/${container}`, account, host, container };
}
