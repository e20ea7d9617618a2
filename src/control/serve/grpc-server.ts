import {
  ServerCredentials as Credentials,
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import type { Authentication, Credentials as Shown } from '../../ca/authenticate.ts';
import { endServer } from '../../ca/end-server.ts';
import { addCertificateService } from '../../ca/grpc-service.ts';
import type { CreateCertificate } from '../../ca/service.ts';
import { DELTA_ADS_PATH } from '../../xds/delta-messages.ts';
import { SOTW_ADS_PATH } from '../../xds/sotw-messages.ts';
import type { Peer } from './admission.ts';
import type { AdsProtocol } from './ads-protocol.ts';
import type { AdsTransport } from './ads-stream.ts';
import type { Fleet } from './fleet.ts';

/** An address to listen on; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What the ports are made of. */
export interface GrpcServeOptions {
  readonly fleet: Fleet;
  readonly authenticate: (shown: Shown) => Promise<Authentication>;
  readonly createCertificate: CreateCertificate;
  /** With TLS: proxies prove who they are. */
  readonly secure: ListenAddress & { readonly credentials: ServerCredentials };
  /** Without TLS; absent: not served. */
  readonly plain?: ListenAddress & {
    /** Ask for a token there too. */
    readonly authenticate: boolean;
  };
  /** Takes one line without line end. */
  readonly log: (line: string) => void;
}

/** Open ports. */
export interface GrpcPorts {
  readonly securePort: number;
  readonly plainPort: number | undefined;
  /** Ends all streams; proxies go on with what they have. */
  close(): Promise<void>;
}

/** Largest message from a proxy: a reconnecting one names every resource that it holds. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 1000;
const status = { permissionDenied: 7, resourceExhausted: 8, unavailable: 14, unauthenticated: 16 } as const;

type AdsCall = ServerDuplexStream<Buffer, Buffer>;

/** Serves ADS and the certificate service. Rejects where a port cannot be had. */
export async function serveGrpc(options: GrpcServeOptions): Promise<GrpcPorts> {
  const { secure, plain } = options;
  const servers: Server[] = [];
  const open = async (address: ListenAddress, credentials: ServerCredentials, proven: boolean) => {
    const server = makeServer(options, proven);
    servers.push(server);
    return bind(server, address, credentials);
  };
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => endServer(server, CLOSE_TIMEOUT_MS)));
  };
  try {
    const securePort = await open(secure, secure.credentials, true);
    const plainPort = plain && (await open(plain, Credentials.createInsecure(), plain.authenticate));
    return { securePort, plainPort, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function makeServer(options: GrpcServeOptions, proven: boolean): Server {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 1000,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  server.addService(adsService, {
    DeltaAggregatedResources: (call: AdsCall) => void serveCall(call, 'delta', options, proven),
    StreamAggregatedResources: (call: AdsCall) => void serveCall(call, 'sotw', options, proven),
  });
  addCertificateService(server, options.createCertificate);
  return server;
}

async function serveCall(
  call: AdsCall,
  protocol: AdsProtocol,
  options: GrpcServeOptions,
  proven: boolean,
): Promise<void> {
  call.on('error', () => {}); // a call that breaks also closes; nothing else is to be done
  const transport = transportOf(call);
  const peer = proven ? await peerOf(call, options) : undefined;
  if (call.cancelled) return;
  if (typeof peer === 'string') return transport.close(status.unauthenticated, peer);
  const stream = options.fleet.open(protocol, peer, transport);
  if (stream === undefined) return transport.close(status.resourceExhausted, 'too many streams');
  const finish = (): void => options.fleet.close(stream);
  call.on('cancelled', finish).on('close', finish).on('error', finish);
  call.on('drain', () => stream.drained());
  call.on('end', () => {
    finish();
    call.end();
  });
  call.on('data', (message: Buffer) => stream.receive(message));
}

/** Who calls, or a sentence that says why nobody knows. */
async function peerOf(call: AdsCall, { authenticate, log }: GrpcServeOptions): Promise<Peer | string> {
  const headers = call.metadata.get('authorization');
  try {
    const found = await authenticate({
      authorization: headers.length === 0 ? undefined : headers.join(', '),
      peerCertificate: call.getAuthContext().sslPeerCertificate?.raw,
    });
    if (found.ok) return { identity: found.identity, pod: found.pod };
    log(`xds: refused a proxy at ${call.getPeer()}: ${found.reason}`);
    return found.reason;
  } catch (error) {
    log(`xds: cannot check who calls: ${error instanceof Error ? error.message : error}`);
    return 'the control plane cannot check now who calls';
  }
}

function transportOf(call: AdsCall): AdsTransport {
  let isOpen = true;
  return {
    send: (message) => !isOpen || call.write(message),
    close(code, details) {
      if (!isOpen) return;
      isOpen = false;
      call.emit('error', { code, details });
    },
  };
}

const bytes = {
  requestSerialize: (message: Buffer) => message,
  requestDeserialize: (message: Buffer) => message,
  responseSerialize: (message: Buffer) => message,
  responseDeserialize: (message: Buffer) => message,
};

/** envoy.service.discovery.v3.AggregatedDiscoveryService, with messages as bytes. */
export const adsService: ServiceDefinition = {
  StreamAggregatedResources: { path: SOTW_ADS_PATH, requestStream: true, responseStream: true, ...bytes },
  DeltaAggregatedResources: { path: DELTA_ADS_PATH, requestStream: true, responseStream: true, ...bytes },
};

function bind(
  server: Server,
  { host, port }: ListenAddress,
  credentials: ServerCredentials,
): Promise<number> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
}
