import { AccessDeniedError, StoreUnavailableError } from "../../src/errors.ts";
import type { LeaseStore, Metadata, StoreCall, WriteAnswer, WriteCall } from "../../src/store/lease-store.ts";
import { RelayedStore, type StoreRequest } from "../shared/relayed-store.ts";
import { type Journal, short } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import type { Machine } from "./machine.ts";
import type { Request, Service } from "./service.ts";
import type { Trouble } from "./trouble.ts";

/** What is wrong with the service as a whole, in true time. */
export interface Weather {
  outageUntil: number;
  throttledUntil: number;
}

/** Who wants to know what is sent and answered, at the machine's end of the way. */
export interface Witness {
  sent(machine: Machine, request: Request): Sent;
  /** Before anybody at the machine knows. `answer` is undefined for a failure. */
  answered(machine: Machine, sent: Sent, answer: { readonly kind?: string } | undefined): void;
  /** An answer has arrived at the machine, where it is not read yet. */
  arrived(machine: Machine, sent: Sent, answer: { readonly kind?: string } | undefined): void;
}

/** A request with what the sender's clocks showed. */
export interface Sent {
  readonly request: Request;
  readonly monotonic: number;
  readonly uptime: number;
  /** Later requests, of whatever machine, have higher counts. */
  readonly count: number;
}

export interface LinkOptions {
  readonly kernel: Kernel;
  readonly machine: Machine;
  readonly service: Service;
  readonly trouble: Trouble;
  readonly weather: Weather;
  readonly journal: Journal;
  readonly witness: Witness;
  readonly oneWayMs: number;
}

type Settled = { readonly answer: unknown } | { readonly error: Error };

/** The way of one machine to the service. Messages overtake each other, get lost, come late and come twice. */
export class Link extends RelayedStore {
  /** Until when requests do not get through, and until when answers do not. */
  requestsCutUntil = 0;
  answersCutUntil = 0;
  /** Whether a request that does not get through is refused at once. */
  isRefusing = false;
  deniedUntil = 0;
  readonly #of: LinkOptions;
  #open = 0;

  constructor(options: LinkOptions) {
    super();
    this.#of = options;
  }

  /** How many callers wait for an answer. */
  get open(): number {
    return this.#open;
  }

  /** Without the condition the service writes whatever is there. */
  override writeMetadata(key: string, metadata: Metadata, call: WriteCall): Promise<WriteAnswer> {
    if (call.ifMatch !== undefined) return super.writeMetadata(key, metadata, call);
    const { leaseId, signal } = call;
    return this.send(
      { signal },
      {
        operation: "writeMetadata",
        name: key,
        leaseId,
        ask: async (store) => store.writeMetadata(key, metadata, { leaseId, ifMatch: await etagOf(store, key) }),
      },
    );
  }

  protected override send<T>({ signal }: StoreCall = {}, request: StoreRequest): Promise<T> {
    const { kernel, machine, trouble, oneWayMs, witness } = this.#of;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sent = witness.sent(machine, request);
      this.#open += 1;
      let isWaiting = true;
      const end = (): boolean => {
        if (!isWaiting) return false;
        isWaiting = false;
        this.#open -= 1;
        signal?.removeEventListener("abort", abort);
        return true;
      };
      const abort = (): void => {
        if (end()) reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort);
      const settle = (settled: Settled): void => {
        if (!end()) return;
        witness.answered(machine, sent, answerIn(settled));
        if ("answer" in settled) resolve(settled.answer as T);
        else reject(settled.error);
      };
      const receive = (settled: Settled): void => {
        // What is cut off on its way back never comes.
        if (kernel.now < this.answersCutUntil || machine.isDead) return;
        if (isWaiting) witness.arrived(machine, sent, answerIn(settled));
        this.#receive(request, settled, settle);
      };
      const fate = trouble.fateOf(oneWayMs, request.operation);
      const refuse = (): void => receive({ error: new StoreUnavailableError(`${request.operation}: connection lost`) });
      if (kernel.now < this.requestsCutUntil) {
        if (this.isRefusing) kernel.in(1, refuse);
        return;
      }
      if (fate.resetAfterMs !== undefined) kernel.in(fate.resetAfterMs, refuse);
      if (fate.outMs === undefined) return;
      const arrive = (arriving: Request): void =>
        void this.#serve(arriving, fate.serverError).then((settled) => {
          const { backMs } = fate;
          if (backMs !== undefined) kernel.in(backMs, () => receive(settled));
        });
      kernel.in(fate.outMs, () => arrive(request));
      if (fate.againAfterMs !== undefined)
        kernel.in(fate.outMs + fate.againAfterMs, () => arrive({ ...request, isDouble: true }));
    });
  }

  /** What comes of it at the service. */
  async #serve(request: Request, serverError: "before" | "after" | undefined): Promise<Settled> {
    const { kernel, service, weather, machine, journal } = this.#of;
    const { operation, name, leaseId } = request;
    const failed = (status: string, retryAfterMs?: number): Settled => ({
      error: new StoreUnavailableError(`${operation}: ${status}`, name, { answered: true, retryAfterMs }),
    });
    if (kernel.now < weather.outageUntil || serverError === "before") return failed("500 InternalError");
    if (kernel.now < weather.throttledUntil)
      return failed("503 ServerBusy", Math.ceil((weather.throttledUntil - kernel.now) / 1_000) * 1_000);
    if (kernel.now < this.deniedUntil)
      return { error: new AccessDeniedError(`${operation}: 403 AuthenticationFailed`, name) };
    try {
      const answer = await service.serve(request);
      journal.note(
        "service",
        () =>
          `${machine.name}: ${operation} ${shownName(name)} ${leaseId ? short(leaseId) : ""} -> ${shownAnswer(answer)}`,
      );
      return serverError === "after" ? failed("500 OperationTimedOut") : { answer };
    } catch (error) {
      return { error: error as Error };
    }
  }

  /** The answer is at the machine; it is read when the event loop comes to it. */
  #receive({ operation }: Request, settled: Settled, settle: (settled: Settled) => void): void {
    const { kernel, machine, trouble } = this.#of;
    const pause = trouble.pauseAtAnswer(operation);
    const isPaused =
      pause &&
      machine.isRunning &&
      trouble.strikes(
        `${machine.name}: ${pause.pause} of ${Math.round(pause.ms)} ms ` +
          `${pause.isBefore ? "before" : "after"} the answer to ${operation}`,
      );
    if (isPaused && pause.isBefore) machine.standStill(pause.pause, pause.ms);
    machine.receive(() => {
      settle(settled);
      if (isPaused && !pause.isBefore) kernel.at(kernel.now, () => machine.standStill(pause.pause, pause.ms));
    });
  }
}

function answerIn(settled: Settled): { readonly kind?: string } | undefined {
  return "answer" in settled ? (settled.answer as { kind?: string }) : undefined;
}

async function etagOf(store: LeaseStore, key: string): Promise<string> {
  const found = await store.read(key);
  return found.kind === "found" ? found.blob.etag : "";
}

/** Names of helper blobs are long, and their ends tell them apart. */
function shownName(name: string): string {
  return name.length <= 24 ? name : `…${name.slice(-40)}`;
}

function shownAnswer(answer: unknown): string {
  if (Array.isArray(answer)) return `${answer.length} blobs`;
  if (typeof answer !== "object" || answer === null) return "done";
  const { kind = "done", why } = answer as { kind?: string; why?: string };
  return why === undefined ? kind : `${kind} (${why})`;
}
