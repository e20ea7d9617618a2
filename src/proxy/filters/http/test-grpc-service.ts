import type { Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { decode } from '../../../xds/decode.ts';
import { encode } from '../../../xds/encode.ts';
import type { GrpcMethod } from './grpc-call.ts';

// A real grpc-js server for tests of filters that ask somebody over gRPC. Never shipped.

export interface TestGrpcService<T> {
  readonly port: number;
  /** What was asked, in order. */
  readonly asked: readonly T[];
  readonly metadata: readonly Metadata[];
  close(): void;
}

/** One unary method; `answer` may return undefined to never answer, or a number to fail with that status. */
export async function startGrpcService<T>(
  { path, request, response }: GrpcMethod,
  answer: (message: T) => object | number | undefined,
): Promise<TestGrpcService<T>> {
  const server = new Server();
  const asked: T[] = [];
  const metadata: Metadata[] = [];
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: T) => Buffer.from(encode(request, message)),
    requestDeserialize: (bytes: Buffer) => decode<T>(request, bytes),
    responseSerialize: (message: object) => Buffer.from(encode(response, message)),
    responseDeserialize: (bytes: Buffer) => decode<object>(response, bytes),
  } as const;
  server.addService(
    { ask: method },
    {
      ask(call: ServerUnaryCall<T, object>, done: sendUnaryData<object>) {
        asked.push(call.request);
        metadata.push(call.metadata);
        const said = answer(call.request);
        if (typeof said === 'number') done({ code: said, details: 'told to fail' });
        else if (said !== undefined) done(null, said);
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, asked, metadata, close: () => server.forceShutdown() };
}
