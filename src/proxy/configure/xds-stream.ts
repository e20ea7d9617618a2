/**
 * The connection to the control plane: one xDS stream, opened again with back-off whenever it is lost. What
 * arrives is judged in order by `receive`, one response at a time; while it judges, flow control holds the rest back.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { CallOptions, GrpcClient, GrpcStream } from '../../wire/grpc/client.ts';
import type { DeltaClient, DeltaUpdate } from '../../xds/delta-client.ts';
import type { DeltaRequest } from '../../xds/delta-messages.ts';
import type { XdsProtocol } from '../../xds/xds-protocol.ts';

export interface XdsStreamOptions {
  readonly client: GrpcClient;
  readonly delta: DeltaClient;
  /** The gRPC method, and how its messages look. */
  readonly path: string;
  readonly protocol: XdsProtocol;
  readonly callOptions: () => CallOptions;
  readonly clock: Clock;
  readonly random: Random;
  /** Judges an update and puts it to use; the requests to send then (an ACK or NACK, new subscriptions). */
  readonly receive: (update: DeltaUpdate) => Promise<readonly DeltaRequest[]>;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

export interface XdsStream {
  /** Sends requests if a stream is open; when one opens later, everything is sent anyway. */
  send(requests: readonly DeltaRequest[]): void;
  readonly connected: boolean;
  close(): void;
}

const firstRetryMs = 100;
const lastRetryMs = 5_000;

export function openXdsStream(options: XdsStreamOptions): XdsStream {
  const { delta, clock, random, log } = options;
  let stream: GrpcStream | undefined;
  let connected = false;
  let failures = 0;
  let closed = false;
  let timer: Timer | undefined;
  let work: Promise<void> = Promise.resolve();

  const send = (requests: readonly DeltaRequest[]): void => {
    for (const request of requests) stream?.send(options.protocol.encode(request));
  };
  const judge = async (bytes: Uint8Array, from: GrpcStream): Promise<void> => {
    try {
      const update = delta.receive(options.protocol.decode(bytes));
      if (update !== undefined) send(await options.receive(update));
    } catch (error) {
      log('warning', `an answer of the control plane cannot be read: ${(error as Error).message}`);
    }
    from.resume();
  };
  const open = (): void => {
    const mine: GrpcStream = options.client.stream(
      options.path,
      {
        onMessage(bytes) {
          if (!connected) log('info', 'connected to the control plane');
          connected = true;
          failures = 0;
          mine.pause();
          work = work.then(() => judge(bytes, mine));
        },
        onEnd(status) {
          if (connected || failures === 0)
            log('warning', `lost the control plane: ${status.message || `code ${status.code}`}`);
          connected = false;
          stream = undefined;
          delta.lost();
          if (!closed) retry();
        },
      },
      options.callOptions(),
    );
    stream = mine;
    options.protocol.opened();
    send(delta.open());
  };
  const retry = (): void => {
    const limit = Math.min(lastRetryMs, firstRetryMs * 2 ** failures++);
    timer = clock.setTimeout(open, limit / 2 + random.next() * (limit / 2));
  };
  open();
  return {
    send,
    get connected() {
      return connected;
    },
    close() {
      closed = true;
      timer?.cancel();
      stream?.cancel();
    },
  };
}
