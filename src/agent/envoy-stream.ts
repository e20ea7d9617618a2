import type { Clock, Timer } from '../lib/clock.ts';
import {
  type DeltaResponse,
  decodeDeltaRequest,
  decodeDeltaResponse,
  encodeDeltaRequest,
} from '../xds/delta-messages.ts';
import type { Node } from '../xds/resources.ts';
import { deltaChunks, type Sendable } from '../xds/sendable.ts';
import type { AdsCall, ControlChannel } from './control-channel.ts';
import type { EnvoyCall } from './envoy-port.ts';
import type { Held } from './held.ts';
import { createRelay, type Relay, type RelayOutput } from './relay.ts';

/** How long an Envoy that has just come waits for the control plane before it gets what it used last. */
export const PATIENCE_MS = 1500;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1000;

const code = { invalidArgument: 3, permissionDenied: 7, resourceExhausted: 8 } as const;

/** What a stream of an Envoy is relayed with. */
export interface EnvoyStreamOptions {
  readonly id: string;
  readonly call: EnvoyCall;
  /** `POD.NAMESPACE` that the node id has to name. */
  readonly workload: string;
  readonly held: Held;
  readonly own: ReadonlyMap<string, () => Sendable | undefined>;
  /** Throws where token or roots cannot be read. */
  readonly openChannel: () => ControlChannel;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onHeldChanged: () => void;
  readonly onEnd: () => void;
  readonly log: (line: string) => void;
}

/** A relayed stream. */
export interface EnvoyStream {
  /** A secret of the agent's own has changed. */
  ownChanged(): void;
  end(): void;
}

/** Relays one stream until either the Envoy leaves or `end` is called; the control plane may come and go meanwhile. */
export function relayEnvoy(options: EnvoyStreamOptions): EnvoyStream {
  const { call, clock, log } = options;
  let relay: Relay | undefined;
  let control: AdsCall | undefined;
  let channel: ControlChannel | undefined;
  let attempts = 0;
  let isOver = false;
  const timers: { patience?: Timer; retry?: Timer; hold?: Timer } = {};

  const apply = ({ toEnvoy, toControl, excess, heldChanged, refusals }: RelayOutput): void => {
    for (const push of toEnvoy) call.write(Buffer.concat(deltaChunks(push)));
    for (const request of toControl) control?.write(encodeDeltaRequest(request));
    for (const { typeUrl, message } of refusals) log(`Envoy refused ${typeUrl}: ${message}`);
    if (heldChanged) options.onHeldChanged();
    if (excess !== undefined) finish(code.resourceExhausted, excess);
    timers.hold?.cancel();
    const wakeAtMs = relay?.wakeAtMs();
    if (wakeAtMs !== undefined && !isOver) {
      timers.hold = clock.setTimeout(
        () => relay && apply(relay.tick(clock.monotonicMs())),
        wakeAtMs - clock.monotonicMs(),
      );
    }
  };
  const step = (act: (relay: Relay, nowMs: number) => RelayOutput): void => {
    if (relay !== undefined && !isOver) apply(act(relay, clock.monotonicMs()));
  };

  const connect = (): void => {
    try {
      channel = options.openChannel();
    } catch (error) {
      lost((error as Error).message);
      return;
    }
    const opened = channel.ads();
    control = opened;
    opened.on('data', (bytes: Buffer) => {
      if (control !== opened) return;
      if (attempts > 0) log('the control plane answers');
      attempts = 0;
      const response = readResponse(bytes);
      if (response === undefined) opened.cancel();
      else step((r, nowMs) => r.controlAnswers(response, nowMs));
    });
    opened.on('error', () => {}); // the status says it
    opened.on('status', ({ details, code: status }) => {
      if (control === opened) lost(`${details} (${status})`);
    });
    // The call queues what is written until there is a connection.
    step((r, nowMs) => r.controlOpened(nowMs));
  };
  const lost = (reason: string): void => {
    control = undefined;
    channel?.close();
    channel = undefined;
    if (isOver) return;
    if (attempts === 0) log(`the control plane is away: ${reason}`);
    step((r, nowMs) => r.controlLost(nowMs));
    const ceilingMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 10));
    attempts += 1;
    timers.retry = clock.setTimeout(connect, ceilingMs / 2 + (ceilingMs / 2) * options.random());
  };
  const finish = (status?: number, details = ''): void => {
    if (isOver) return;
    isOver = true;
    for (const timer of Object.values(timers)) timer.cancel();
    control?.cancel();
    channel?.close();
    if (status === undefined) call.end();
    else call.emit('error', { code: status, details });
    options.onEnd();
  };
  const begin = (node: Node | undefined): Relay | undefined => {
    if (node === undefined) return void finish(code.invalidArgument, 'the first request names no node');
    if (node.id?.split('~')[2] !== options.workload) {
      return void finish(code.permissionDenied, `this socket is for ${options.workload}`);
    }
    const { id, held, own } = options;
    timers.patience = clock.setTimeout(() => step((r, nowMs) => r.patienceEnded(nowMs)), PATIENCE_MS);
    return createRelay({ streamId: id, node, held, own });
  };

  call.on('error', () => {}); // a call that breaks also closes
  call.on('data', (bytes: Buffer) => {
    if (isOver) return;
    try {
      const request = decodeDeltaRequest(bytes);
      const isFirst = relay === undefined;
      relay ??= begin(request.node);
      step((r, nowMs) => r.envoyAsks(request, nowMs));
      if (isFirst && relay !== undefined) connect();
    } catch {
      finish(code.invalidArgument, 'the message is no discovery request');
    }
  });
  call
    .on('end', () => finish())
    .on('cancelled', () => finish())
    .on('close', () => finish());
  return {
    ownChanged: () => step((r, nowMs) => r.ownChanged(nowMs)),
    end: () => finish(14, 'the agent ends'),
  };
}

/** Undefined where the bytes are no response. */
function readResponse(bytes: Uint8Array): DeltaResponse | undefined {
  try {
    return decodeDeltaResponse(bytes);
  } catch {
    return undefined;
  }
}
