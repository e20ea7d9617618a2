import type { Server } from '@grpc/grpc-js';

/** Ends a gRPC server: open calls may finish for so long, then they are cut (streams of proxies never end by themselves). */
export function endServer(server: Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, timeoutMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
