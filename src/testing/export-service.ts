import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';

// A gRPC server with one unary method that keeps what it is told: the receiving end of exports.

/** A server that listens. */
export interface ExportService {
  /** On 127.0.0.1. */
  readonly port: number;
  /** The requests so far, encoded. */
  readonly requests: readonly Buffer[];
  stop(): void;
}

/** Serves one method, `/PACKAGE.SERVICE/METHOD`, which answers with an empty message. */
export async function startExportService(path: string): Promise<ExportService> {
  const requests: Buffer[] = [];
  const server = new Server();
  const same = (bytes: Buffer): Buffer => bytes;
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const;
  server.addService(
    { export: method },
    {
      export(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
        requests.push(call.request);
        done(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, requests, stop: () => server.forceShutdown() };
}
