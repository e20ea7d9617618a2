// The CA by itself: opens or makes its root, serves CreateCertificate with TLS 1.3, renews its own certificate.

import { Server } from '@grpc/grpc-js';
import { endServer } from './end-server.ts';
import { addCertificateService } from './grpc-service.ts';
import { type IssuanceOptions, openIssuance } from './issuance.ts';
import { createJoinToken, type JoinOrder } from './join-tokens.ts';
import { requestRotation } from './rotation/request.ts';
import { MeshServerCredentials } from './server-credentials.ts';
import { MAX_REQUEST_BYTES } from './service.ts';

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
    onServing: (serving) => credentials.renew(serving),
    onError,
  });
  const credentials = new MeshServerCredentials(issuance.firstServing);
  const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES });
  addCertificateService(server, issuance.createCertificate, issuance.leafInUse);
  const address = `${bracketed(options.host)}:${options.port}`;
  const port = await bind(server, address, credentials).catch(async (error) => {
    await issuance.stop();
    throw error;
  });
  return {
    port,
    rootsPem: issuance.rootsPem(),
    async close() {
      await issuance.stop();
      await endServer(server, CLOSE_TIMEOUT_MS);
    },
  };
}

function bind(server: Server, address: string, credentials: MeshServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
