// The CA by itself: opens or makes its root, serves CreateCertificate with TLS 1.3, renews its own certificate.

import { serveGrpcCalls } from '../wire/grpc/server.ts';
import { network } from '../wire/net.ts';
import { serveCertificateCall } from './certificate-call.ts';
import { type IssuanceOptions, openIssuance } from './issuance.ts';
import { createJoinToken, type JoinOrder } from './join-tokens.ts';
import { requestRotation } from './rotation/request.ts';
import { MAX_REQUEST_BYTES } from './service.ts';
import { servingTls } from './serving-tls.ts';

/** What the CA is started with. */
export interface CaOptions extends Omit<IssuanceOptions, 'secret' | 'awaitsCensus'> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** A serving CA. */
export interface RunningCa {
  readonly port: number;
  readonly rootsPem: string;
  /** Lets calls in progress end, for a second at most. */
  close(): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 1000;

/** `weft ca rotate`. Rejects with CaError. */
export function rotate(keyDir: string): Promise<void> {
  return requestRotation(keyDir);
}

/** `weft ca token create`: the text of a one-time token, secret. Rejects with RangeError. */
export function makeJoinToken(keyDir: string, order: JoinOrder, nowMs: number): Promise<string> {
  return createJoinToken(keyDir, order, nowMs);
}

/** Starts the CA; resolves when it listens. Rejects with CaError, or with the system's error about the port. */
export async function runCa(options: CaOptions): Promise<RunningCa> {
  const onError = (error: unknown): void =>
    options.log(`ca: ${error instanceof Error ? error.message : error}`);
  const issuance = await openIssuance(options, {
    onTrust() {},
    onServing(serving) {
      tls = servingTls(serving);
    },
    onError,
  });
  let tls = servingTls(issuance.firstServing);
  const server = await serveGrpcCalls({
    network,
    clock: options.clock,
    listen: { host: options.host, port: options.port },
    tls: () => tls,
    onCall: (call) => serveCertificateCall(call, issuance),
    maxReceiveMessageBytes: MAX_REQUEST_BYTES,
  }).catch(async (error) => {
    await issuance.stop();
    throw error;
  });
  return {
    port: server.port,
    rootsPem: issuance.rootsPem(),
    async close() {
      await issuance.stop();
      await server.close(CLOSE_TIMEOUT_MS);
    },
  };
}
