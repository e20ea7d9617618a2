/** Calls of a proxy that proves who it is by its certificate. Loaded where it does so (scripts/lazy-parts.ts). */
import type { GrpcClient, GrpcStream, GrpcStreamEvents } from '../../wire/grpc/client.ts';
import { GRPC_CODE, localStatus } from '../../wire/grpc/status.ts';
import type { Credentials } from './credentials.ts';

/** What calls are made with. */
export interface ProvingOptions {
  /** A channel whose connections show the certificate of the moment. */
  readonly proving: () => GrpcClient;
  /** Those that are good now. */
  readonly credentials: () => Credentials | undefined;
}

/** A client that connects for each call; streams wait for the first certificate. */
export function provingClient({ proving, credentials }: ProvingOptions): GrpcClient {
  const open = new Set<GrpcClient>();
  const make = (): GrpcClient => {
    const client = proving();
    open.add(client);
    return client;
  };
  const done = (client: GrpcClient): void => {
    open.delete(client);
    client.close();
  };
  return {
    async unary(path, message, callOptions) {
      const client = make();
      try {
        return await client.unary(path, message, callOptions);
      } finally {
        done(client);
      }
    },
    stream(path, events, callOptions) {
      if (credentials() === undefined) return endedStream(events);
      const client = make();
      const onEnd: GrpcStreamEvents['onEnd'] = (status) => {
        done(client);
        events.onEnd(status);
      };
      return client.stream(path, { ...events, onEnd }, callOptions);
    },
    close() {
      for (const client of [...open]) done(client);
    },
  };
}

/** There is nothing to prove oneself with yet; who opened it tries again. */
function endedStream(events: GrpcStreamEvents): GrpcStream {
  const status = localStatus(GRPC_CODE.UNAVAILABLE, 'the first certificate is not there yet');
  setImmediate(() => events.onEnd(status));
  return { send: () => true, end() {}, cancel() {}, pause() {}, resume() {} };
}
