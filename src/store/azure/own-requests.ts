/**
 * The signals of azmutex's own requests. The signal is the only part of a call that reaches every policy of the SDK.
 */
const ours = new WeakSet<AbortSignal>();
const diverted = new WeakSet<Policy>();

/** The SDK's names of its policies, the same in every 12.x that azmutex supports. */
type PolicyName = "storageRetryPolicy" | "bearerTokenAuthenticationPolicy";

type Next = (request: Request) => Promise<unknown>;

interface Request {
  readonly abortSignal?: AbortSignal;
}

interface Policy {
  readonly name: PolicyName;
  sendRequest(request: Request, next: Next): Promise<unknown>;
}

/** A client of the SDK, as far as its pipeline goes. */
interface PipelineClient {
  readonly storageClientContext?: { readonly pipeline?: { getOrderedPolicies?(): readonly Policy[] } };
}

/** The signal of a request of azmutex's own, whatever client sends it. */
export function ownSignal(signal: AbortSignal = new AbortController().signal): AbortSignal {
  ours.add(signal);
  return signal;
}

/** Undefined for a client that is not the SDK's. */
export function policyOf(client: object, name: PolicyName): Policy | undefined {
  const policies = (client as PipelineClient).storageClientContext?.pipeline?.getOrderedPolicies?.();
  return policies?.find((policy) => policy.name === name);
}

/**
 * Has azmutex's own requests go another way than by this policy of a client. All other requests through the client, and
 * all its other policies, stay as they are. Done once for each client; a second mutex goes the same way.
 */
export function divert(policy: Policy, way: (request: Request, next: Next) => Promise<unknown>): void {
  if (diverted.has(policy)) return;
  diverted.add(policy);
  const usual = policy.sendRequest.bind(policy);
  policy.sendRequest = (request, next) => {
    const { abortSignal } = request;
    return abortSignal !== undefined && ours.has(abortSignal) ? way(request, next) : usual(request, next);
  };
}
