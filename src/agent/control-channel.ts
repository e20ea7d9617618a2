import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import { CREATE_CERTIFICATE_PATH } from '../wire/identity/certificate-messages.ts';
import { DELTA_ADS_PATH } from '../xds/delta-messages.ts';
import type { WorkloadConfig } from './workload-config.ts';

/** A delta ADS call. */
export type AdsCall = ClientDuplexStream<Uint8Array, Buffer>;

/** One connection to the control plane or the CA, with the token of one workload. */
export interface ControlChannel {
  ads(): AdsCall;
  /** Sends a certificate request; the bytes of the answer. Rejects with what gRPC says. */
  createCertificate(request: Uint8Array, timeoutMs: number): Promise<Buffer>;
  close(): void;
}

type ChannelConfig = Pick<WorkloadConfig, 'caRoot' | 'tokenFile' | 'serverName'>;

/** Longest token, in characters. */
const MAX_TOKEN = 16_384;

/** Opens a channel; roots and token are read now, since both are renewed on disk. Throws where they cannot be read. */
export function openChannel(address: string, config: ChannelConfig): ControlChannel {
  const secureContext = createSecureContext({ ca: readFileSync(config.caRoot), minVersion: 'TLSv1.3' });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${readToken(config.tokenFile)}`);
  const client = new Client(address, credentials.createFromSecureContext(secureContext), {
    'grpc.ssl_target_name_override': config.serverName,
    'grpc.default_authority': config.serverName,
    'grpc.max_receive_message_length': -1,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // Each try is a connection of its own: grpc-js would keep one that failed for its own, longer back-off.
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    ads: () => client.makeBidiStreamRequest(DELTA_ADS_PATH, asBuffer, asIs, metadata),
    createCertificate: (request, timeoutMs) =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + timeoutMs;
        client.makeUnaryRequest(
          CREATE_CERTIFICATE_PATH,
          asBuffer,
          asIs,
          request,
          metadata,
          { deadline },
          (error, answer) =>
            answer === undefined ? reject(error ?? new Error('no answer')) : resolve(answer),
        );
      }),
    close: () => client.close(),
  };
}

function readToken(file: string): string {
  const token = readFileSync(file, 'utf8').trim();
  if (token.length > MAX_TOKEN) throw new Error(`${file} holds no token: it is too long`);
  return token;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
