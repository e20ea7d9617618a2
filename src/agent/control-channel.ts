import { existsSync, readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import {
  Client,
  type ClientDuplexStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { CREATE_CERTIFICATE_PATH } from '../wire/identity/certificate-messages.ts';
import { isJoinToken } from '../wire/identity/join-token.ts';
import type { Leaf } from '../wire/identity/keep-leaf.ts';
import { LEAF_IN_USE_PATH } from '../wire/identity/leaf-in-use.ts';
import { DELTA_ADS_PATH } from '../xds/delta-messages.ts';
import { ACCESS_LOG_PATH } from '../xds/names.ts';
import type { WorkloadConfig } from './workload-config.ts';

/** A delta ADS call. */
export type AdsCall = ClientDuplexStream<Uint8Array, Buffer>;

/** A call of the access log service. */
export type ReportCall = ClientWritableStream<Uint8Array>;

/** One connection to the control plane or the CA, with the token of one workload. */
export interface ControlChannel {
  ads(): AdsCall;
  /** A call for what an Envoy tells of denials. */
  reports(): ReportCall;
  /** Sends a certificate request; the bytes of the answer. Rejects with what gRPC says. */
  createCertificate(request: Uint8Array, timeoutMs: number): Promise<Buffer>;
  /** Tells the CA what is in use. Rejects with what gRPC says. */
  leafInUse(request: Uint8Array, timeoutMs: number): Promise<'told' | 'unknown'>;
  close(): void;
}

type ChannelConfig = Pick<WorkloadConfig, 'caRoot' | 'tokenFile' | 'serverName'>;

/** What the workload has got from the mesh so far. */
export interface ChannelIdentity {
  readonly leaf: Pick<Leaf, 'chainPem' | 'privateKeyPem'> | undefined;
  /** Roots that the control plane has told, beside those that the configuration names. */
  readonly rootsPem: string;
}

/** Longest token, in characters. */
const MAX_TOKEN = 16_384;

/**
 * Opens a channel; roots and token are read now, since both are renewed on disk. Who came with a one-time token proves
 * itself with its certificate from then on. Throws where the files cannot be read.
 */
export function openChannel(
  address: string,
  config: ChannelConfig,
  identity: ChannelIdentity = { leaf: undefined, rootsPem: '' },
): ControlChannel {
  const { leaf, rootsPem } = identity;
  const token = readToken(config.tokenFile, leaf !== undefined);
  const byCertificate = token === undefined || isJoinToken(token) ? leaf : undefined;
  const secureContext = createSecureContext({
    ca: [readFileSync(config.caRoot, 'utf8'), rootsPem].filter((text) => text !== ''),
    minVersion: 'TLSv1.3',
    ...(byCertificate && { cert: byCertificate.chainPem, key: byCertificate.privateKeyPem }),
  });
  const metadata = new Metadata();
  if (byCertificate === undefined) metadata.set('authorization', `Bearer ${token}`);
  const client = new Client(address, credentials.createFromSecureContext(secureContext), {
    'grpc.ssl_target_name_override': config.serverName,
    'grpc.default_authority': config.serverName,
    'grpc.max_receive_message_length': -1,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // Each try is a connection of its own: grpc-js would keep one that failed for its own, longer back-off.
    'grpc.use_local_subchannel_pool': 1,
  });
  const ask = (path: string, request: Uint8Array, timeoutMs: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + timeoutMs;
      client.makeUnaryRequest(path, asBuffer, asIs, request, metadata, { deadline }, (error, answer) =>
        answer === undefined ? reject(error ?? new Error('no answer')) : resolve(answer),
      );
    });
  return {
    ads: () => client.makeBidiStreamRequest(DELTA_ADS_PATH, asBuffer, asIs, metadata),
    reports: () => client.makeClientStreamRequest(ACCESS_LOG_PATH, asBuffer, asIs, metadata, () => {}),
    createCertificate: (request, timeoutMs) => ask(CREATE_CERTIFICATE_PATH, request, timeoutMs),
    async leafInUse(request, timeoutMs) {
      try {
        await ask(LEAF_IN_USE_PATH, request, timeoutMs);
        return 'told';
      } catch (error) {
        if ((error as ServiceError).code === status.UNIMPLEMENTED) return 'unknown';
        throw error;
      }
    },
    close: () => client.close(),
  };
}

/** Undefined where there is none and none is needed. */
function readToken(file: string, isOptional: boolean): string | undefined {
  if (isOptional && !existsSync(file)) return undefined; // a one-time token need not stay
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
