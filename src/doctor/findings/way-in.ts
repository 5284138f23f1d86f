import type { FindingTexts } from "./finding.ts";

const NO_ANSWER_LINK = "docs/troubleshooting.md#no-answer-from-the-service";
const DENIED_LINK = "docs/troubleshooting.md#access_denied";
const NO_LOCKS = "No lock can be taken from here.";
const ALL_REFUSED = "Every request is refused: no lock can be taken.";

export type WayInFinding =
  | "no-name"
  | "no-connection"
  | "tls-unknown-authority"
  | "tls-failed"
  | "not-the-service"
  | "no-answer"
  | "service-fails"
  | "no-date"
  | "api-version"
  | "refused"
  | "wrong-key"
  | "clock-off"
  | "sas-expired"
  | "sas-expires-soon"
  | "sas-not-yet-valid"
  | "sas-malformed"
  | "sas-scope"
  | "network-rules"
  | "keys-off"
  | "account-disabled"
  | "token-refused"
  | "login-failed"
  | "login-unanswered"
  | "denied"
  | "container-missing"
  | "container-being-deleted";

/** What keeps a program from the service. */
export const WAY_IN: FindingTexts<WayInFinding> = Object.freeze({
  "no-name": {
    severity: "failing",
    means: NO_LOCKS,
    advice: "Check the name of the account, and the DNS of a private endpoint.",
    link: NO_ANSWER_LINK,
  },
  "no-connection": {
    severity: "failing",
    means: NO_LOCKS,
    advice: "Check the endpoint, firewalls on the way, and the proxy variables.",
    link: NO_ANSWER_LINK,
  },
  "tls-unknown-authority": {
    severity: "failing",
    means: `${NO_LOCKS} A proxy that opens TLS, or a certificate of your own, is not trusted by this runtime.`,
    advice: "Name the authority's certificate in NODE_EXTRA_CA_CERTS.",
    link: "docs/proxies.md#a-proxy-that-opens-tls",
  },
  "tls-failed": {
    severity: "failing",
    means: NO_LOCKS,
    advice: "Check this machine's clock, the endpoint's name, and whether a proxy answers under that name.",
    link: NO_ANSWER_LINK,
  },
  "not-the-service": {
    severity: "failing",
    means: "A proxy, gateway or login page answers instead of the service. azmutex waits such answers out.",
    advice: "Log in to the network, have the proxy pass on all headers, or go past it with NO_PROXY.",
    link: "docs/proxies.md#proxies-and-gateways-that-answer-themselves",
  },
  "no-answer": {
    severity: "failing",
    means: `${NO_LOCKS} Requests are sent, and no answer comes in time.`,
    advice: "Check firewalls and proxies on the way; try again later.",
    link: NO_ANSWER_LINK,
  },
  "service-fails": {
    severity: "failing",
    means: "The service answers that it cannot serve now. azmutex waits that out.",
    advice: "Try again later. If it stays, look at the account's health and its limits.",
    link: NO_ANSWER_LINK,
  },
  "no-date": {
    severity: "failing",
    means: "Answers without the service's time prove nothing about a lease: every lock fails.",
    advice: "Have the proxy on the way pass on the header Date.",
    link: "docs/proxies.md#proxies-and-gateways-that-answer-themselves",
  },
  "api-version": {
    severity: "failing",
    means: "The service is older than the SDK, and refuses every request.",
    advice: "Start Azurite with --skipApiVersionCheck, or take an older @azure/storage-blob.",
    link: "docs/troubleshooting.md#the-emulator-answers-400-invalidheadervalue",
  },
  refused: {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Read the service's own words.",
    link: "docs/troubleshooting.md#store_refused",
  },
  "wrong-key": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Copy the key, or make the SAS, anew; check that it is of this account.",
    link: DENIED_LINK,
  },
  "clock-off": {
    severity: "failing",
    means: "A signature is good for a quarter of an hour: requests signed with a key are refused.",
    advice: "Set this machine's clock, and keep it right with NTP.",
    link: DENIED_LINK,
  },
  "sas-expired": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Make another SAS, before this one ends.",
    link: DENIED_LINK,
  },
  "sas-expires-soon": {
    severity: "notice",
    means: "When it ends, locks that are held are lost and none is granted.",
    advice: "Make another SAS now.",
    link: DENIED_LINK,
  },
  "sas-not-yet-valid": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Make a SAS without a start, or with one a quarter of an hour back.",
    link: DENIED_LINK,
  },
  "sas-malformed": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Copy the SAS whole, and quote it in the shell: it has & and % in it.",
    link: DENIED_LINK,
  },
  "sas-scope": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Make a SAS for the service Blob, for containers and objects, and for this machine's address and protocol.",
    link: DENIED_LINK,
  },
  "network-rules": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Allow this machine's network in the account's network rules, or use a private endpoint.",
    link: DENIED_LINK,
  },
  "keys-off": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Sign in with Entra ID: a managed identity, or az login.",
    link: DENIED_LINK,
  },
  "account-disabled": { severity: "failing", means: ALL_REFUSED, advice: "Enable the account.", link: DENIED_LINK },
  "token-refused": {
    severity: "failing",
    means: ALL_REFUSED,
    advice: "Log in to the account's tenant, and check AZURE_CLIENT_ID and AZURE_TENANT_ID.",
    link: DENIED_LINK,
  },
  "login-failed": {
    severity: "failing",
    means: `${NO_LOCKS} The credential gives no token, and nothing was asked of the service.`,
    advice:
      "Log in with az login, or run with a managed or workload identity; check AZURE_CLIENT_ID, AZURE_TENANT_ID " +
      "and what goes with them.",
    link: DENIED_LINK,
  },
  "login-unanswered": {
    severity: "failing",
    means: `${NO_LOCKS} Entra ID, or the managed identity, does not answer. azmutex waits that out.`,
    advice: "Check the network and the proxy variables; try again later.",
    link: "docs/troubleshooting.md#store_unavailable",
  },
  denied: { severity: "failing", means: ALL_REFUSED, advice: "Read the service's own words.", link: DENIED_LINK },
  "container-missing": {
    severity: "notice",
    means: "The first lock makes it, if the credentials may.",
    advice: "Check its name, or make it beforehand: az storage container create --name locks",
    link: "docs/permissions.md",
  },
  "container-being-deleted": {
    severity: "failing",
    means: "The container was deleted, and cannot be made again for about half a minute. Its locks are gone.",
    advice: "Wait, and find out what deleted it.",
    link: "docs/operations.md#delete-old-lock-blobs",
  },
});
