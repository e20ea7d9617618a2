import type { Clock, Timer } from '../lib/clock.ts';
import { type DeltaRequest, decodeDeltaRequest } from '../xds/delta-messages.ts';
import type { Node } from '../xds/resources.ts';
import { deltaChunks, type Sendable } from '../xds/sendable.ts';
import type { ControlChannel } from './control-channel.ts';
import { ControlLink } from './control-link.ts';
import type { EnvoyCall } from './envoy-port.ts';
import type { Held } from './held.ts';
import { createRelay, type Relay, type RelayOutput } from './relay.ts';

/** How long an Envoy that has just come waits for the control plane before it gets what it used last. */
export const PATIENCE_MS = 1500;

const code = { invalidArgument: 3, permissionDenied: 7, resourceExhausted: 8, unavailable: 14 } as const;

/** What a stream of an Envoy is relayed with. */
export interface EnvoyStreamOptions {
  readonly id: string;
  readonly call: EnvoyCall;
  /** `POD.NAMESPACE` that the node id has to name. */
  readonly workload: string;
  readonly held: Held;
  readonly own: ReadonlyMap<string, () => Sendable | undefined>;
  readonly ownBundle: () => Sendable | undefined;
  /** Throws where token or roots cannot be read. */
  readonly openChannel: () => ControlChannel;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onHeldChanged: () => void;
  /** Something was said or heard. */
  readonly onStep: () => void;
  readonly onEnd: () => void;
  readonly log: (line: string) => void;
}

/** A stream that is relayed until the Envoy leaves or `end` is called; the control plane may come and go meanwhile. */
export class EnvoyStream {
  readonly #options: EnvoyStreamOptions;
  readonly #control: ControlLink;
  #relay: Relay | undefined;
  #patience: Timer | undefined;
  /** When the relay wants to be looked at again. */
  #wake: Timer | undefined;
  #isOver = false;

  constructor(options: EnvoyStreamOptions) {
    this.#options = options;
    this.#control = new ControlLink({
      ...options,
      onOpened: () => this.#step((relay, nowMs) => relay.controlOpened(nowMs)),
      onResponse: (response) => this.#step((relay, nowMs) => relay.controlAnswers(response, nowMs)),
      onLost: () => this.#step((relay, nowMs) => relay.controlLost(nowMs)),
    });
    const { call } = options;
    call.on('error', () => {}); // a call that breaks also closes
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    for (const event of ['end', 'cancelled', 'close']) call.on(event, () => this.#finish());
  }

  /** Whether the Envoy uses the agent's own secrets as they are now; false before it has asked for anything. */
  usesOwn(): boolean {
    return this.#relay?.usesOwn() ?? false;
  }

  /** The trust bundle that the control plane has told. */
  trustBundle(): Sendable | undefined {
    return this.#relay?.trustBundle();
  }

  /** A secret of the agent's own has changed. */
  ownChanged(): void {
    this.#step((relay, nowMs) => relay.ownChanged(nowMs));
  }

  end(): void {
    this.#finish(code.unavailable, 'the agent ends');
  }

  #receive(bytes: Buffer): void {
    if (this.#isOver) return;
    const request = readRequest(bytes);
    if (request === undefined) this.#finish(code.invalidArgument, 'the message is no discovery request');
    else if (this.#relay === undefined) this.#begin(request);
    else this.#step((relay, nowMs) => relay.envoyAsks(request, nowMs));
  }

  #begin(request: DeltaRequest): void {
    const { node } = request;
    const { workload } = this.#options;
    if (node === undefined) this.#finish(code.invalidArgument, 'the first request names no node');
    else if (node.id?.split('~')[2] !== workload) {
      this.#finish(code.permissionDenied, `this socket is for ${workload}`);
    } else this.#relayFor(node, request);
  }

  #relayFor(node: Node, first: DeltaRequest): void {
    const { id: streamId, held, own, ownBundle, clock } = this.#options;
    this.#relay = createRelay({ streamId, node, held, own, ownBundle });
    this.#patience = clock.setTimeout(
      () => this.#step((relay, nowMs) => relay.patienceEnded(nowMs)),
      PATIENCE_MS,
    );
    this.#step((relay, nowMs) => relay.envoyAsks(first, nowMs));
    this.#control.open();
  }

  #step(act: (relay: Relay, nowMs: number) => RelayOutput): void {
    if (this.#relay === undefined || this.#isOver) return;
    const { call, clock, log, onHeldChanged, onStep } = this.#options;
    const output = act(this.#relay, clock.monotonicMs());
    for (const push of output.toEnvoy) call.write(Buffer.concat(deltaChunks(push)));
    for (const request of output.toControl) this.#control.send(request);
    for (const { typeUrl, message } of output.refusals) log(`Envoy refused ${typeUrl}: ${message}`);
    if (output.heldChanged) onHeldChanged();
    if (output.excess !== undefined) this.#finish(code.resourceExhausted, output.excess);
    else this.#wakeLater(this.#relay);
    onStep();
  }

  #wakeLater(relay: Relay): void {
    this.#wake?.cancel();
    const atMs = relay.wakeAtMs();
    if (atMs === undefined) return;
    const { clock } = this.#options;
    this.#wake = clock.setTimeout(
      () => this.#step((one, nowMs) => one.tick(nowMs)),
      atMs - clock.monotonicMs(),
    );
  }

  #finish(status?: number, details = ''): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#patience?.cancel();
    this.#wake?.cancel();
    this.#control.end();
    const { call, onEnd } = this.#options;
    if (status === undefined) call.end();
    else call.emit('error', { code: status, details });
    onEnd();
  }
}

/** Undefined where the bytes are no request. */
function readRequest(bytes: Uint8Array): DeltaRequest | undefined {
  try {
    return decodeDeltaRequest(bytes);
  } catch {
    return undefined;
  }
}
