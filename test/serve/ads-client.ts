/** A delta-ADS client of grpc-js around weft's client end, for tests. */
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import { decode } from '../../src/xds/decode.ts';
import { createDeltaClient, type DeltaClient, type DeltaUpdate } from '../../src/xds/delta-client.ts';
import {
  DELTA_ADS_PATH,
  type DeltaRequest,
  decodeDeltaResponse,
  encodeDeltaRequest,
} from '../../src/xds/delta-messages.ts';
import { messageOf } from '../../src/xds/resources.ts';

export interface AdsClient {
  readonly client: DeltaClient;
  /** All updates so far. */
  readonly updates: DeltaUpdate[];
  /** Type URL to name to decoded resource. */
  readonly held: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  /** How the call ended. */
  readonly ended: Promise<{ readonly code: number; readonly details: string }>;
  send(requests: readonly DeltaRequest[]): void;
  close(): void;
}

export interface AdsClientOptions {
  readonly port: number;
  readonly nodeId: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Absent: without TLS. */
  readonly rootsPem?: string;
  readonly token?: string;
  readonly subscribe?: Readonly<Record<string, readonly string[]>>;
  /** A reason refuses the update. Default: accepts. */
  readonly judge?: (update: DeltaUpdate) => string | undefined;
  readonly channel?: ChannelCredentials;
  /** Comes with what this one holds. */
  readonly restore?: DeltaClient;
}

export function adsClient(options: AdsClientOptions): AdsClient {
  const channel =
    options.channel ??
    (options.rootsPem === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(Buffer.from(options.rootsPem)));
  const grpc = new Client(`127.0.0.1:${options.port}`, channel, { 'grpc.max_receive_message_length': -1 });
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set('authorization', `Bearer ${options.token}`);
  const call: ClientDuplexStream<Uint8Array, Buffer> = grpc.makeBidiStreamRequest(
    DELTA_ADS_PATH,
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Buffer) => bytes,
    metadata,
  );
  const client = createDeltaClient({
    id: options.nodeId,
    ...(options.metadata && { metadata: options.metadata }),
  });
  for (const [typeUrl, names] of Object.entries(options.subscribe ?? {})) client.subscribe(typeUrl, names);
  for (const typeUrl of Object.keys(options.subscribe ?? {})) {
    const held = options.restore?.versions(typeUrl) ?? [];
    for (const [name, version] of held) client.restore(typeUrl, name, version);
  }
  const updates: DeltaUpdate[] = [];
  const held = new Map<string, Map<string, unknown>>();
  const send = (requests: readonly DeltaRequest[]) => {
    for (const request of requests) call.write(encodeDeltaRequest(request));
  };
  call.on('data', (bytes: Buffer) => {
    const update = client.receive(decodeDeltaResponse(bytes));
    if (update === undefined) return;
    updates.push(update);
    const reason = options.judge?.(update);
    if (reason === undefined) {
      const type = held.get(update.typeUrl) ?? new Map<string, unknown>();
      held.set(update.typeUrl, type);
      for (const { name, value } of update.resources)
        type.set(name, decode(messageOf(update.typeUrl), value));
      for (const name of update.removed) type.delete(name);
    }
    send(reason === undefined ? client.accept(update) : client.reject(update, reason));
  });
  const ended = new Promise<{ code: number; details: string }>((resolve) => {
    call.on('error', () => {}).on('status', ({ code, details }) => resolve({ code, details }));
  });
  send(client.open());
  return {
    client,
    updates,
    held,
    ended,
    send,
    close() {
      call.cancel();
      grpc.close();
    },
  };
}

/** Waits for something to become true; the limit only ends a test that fails. */
export async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
