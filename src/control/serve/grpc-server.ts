import type { Authentication, Credentials as Shown } from '../../ca/authenticate.ts';
import { type CertificateAnswers, serveCertificateCall } from '../../ca/certificate-call.ts';
import { makeRateLimit, type RateLimit } from '../../ca/rate-limit.ts';
import { systemClock } from '../../lib/clock.ts';
import type { TlsContext } from '../../wire/connection.ts';
import { type GrpcServer, serveGrpcCalls } from '../../wire/grpc/server.ts';
import type { GrpcServerCall } from '../../wire/grpc/server-call.ts';
import { GRPC_CODE } from '../../wire/grpc/status.ts';
import { network } from '../../wire/net.ts';
import { DELTA_ADS_PATH } from '../../xds/delta-messages.ts';
import { ACCESS_LOG_PATH } from '../../xds/names.ts';
import { SOTW_ADS_PATH } from '../../xds/sotw-messages.ts';
import type { DenialRing } from '../denials/denial-ring.ts';
import { serveDenials } from '../denials/report-call.ts';
import { type Peer, refusalOf } from './admission.ts';
import type { AdsProtocol } from './ads-protocol.ts';
import type { AdsTransport } from './ads-stream.ts';
import type { Fleet } from './fleet.ts';

/** An address to listen on; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What the ports are made of. */
export interface GrpcServeOptions extends CertificateAnswers {
  readonly fleet: Fleet;
  /** Keeps what proxies tell of denials. */
  readonly denials: DenialRing;
  readonly authenticate: (shown: Shown) => Promise<Authentication>;
  /** With TLS: proxies prove who they are. */
  readonly secure: ListenAddress & { readonly tls: () => TlsContext };
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
/** Calls without good credentials from one address; then it waits, and nothing is verified or logged for it. */
export const MAX_REFUSALS_PER_MINUTE = 300;
/** Serves ADS and the certificate service. Rejects where a port cannot be had. */
export async function serveGrpc(options: GrpcServeOptions): Promise<GrpcPorts> {
  const { secure, plain } = options;
  const servers: GrpcServer[] = [];
  const refusals = makeRateLimit(MAX_REFUSALS_PER_MINUTE, () => systemClock.monotonicMs());
  const open = async (
    { host, port }: ListenAddress,
    tls: (() => TlsContext) | undefined,
    proven: boolean,
  ) => {
    const server = await serveGrpcCalls({
      network,
      clock: systemClock,
      listen: { host, port },
      ...(tls && { tls }),
      onCall: (call) => serve(call, options, proven ? refusals : undefined),
      maxReceiveMessageBytes: MAX_REQUEST_BYTES,
    });
    servers.push(server);
    return server.port;
  };
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close(CLOSE_TIMEOUT_MS)));
  };
  try {
    const securePort = await open(secure, secure.tls, true);
    const plainPort = plain && (await open(plain, undefined, plain.authenticate));
    return { securePort, plainPort, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** False: there is no such method. Without `refusals` nobody is asked who they are. */
function serve(call: GrpcServerCall, options: GrpcServeOptions, refusals: RateLimit | undefined): boolean {
  if (call.path === DELTA_ADS_PATH) void serveAds(call, 'delta', options, refusals);
  else if (call.path === SOTW_ADS_PATH) void serveAds(call, 'sotw', options, refusals);
  else if (call.path === ACCESS_LOG_PATH) void serveReports(call, options, refusals);
  else return serveCertificateCall(call, options);
  return true;
}

/** What a proxy tells of what policies denied. */
async function serveReports(
  call: GrpcServerCall,
  options: GrpcServeOptions,
  refusals: RateLimit | undefined,
): Promise<void> {
  const admitted = await admit(call, options, refusals);
  if (admitted === undefined) return;
  const { fleet, denials, log } = options;
  serveDenials(call, {
    ring: denials,
    clock: systemClock,
    compiled: () => fleet.state().compiled,
    refusal: (node) => refusalOf(node, undefined, admitted.peer, fleet.state().compiled),
    onError: (error) => log(`denials: ${error instanceof Error ? error.message : error}`),
  });
}

/** Who calls, without `peer` where nobody is asked; undefined after the call was ended because it may not be. */
async function admit(
  call: GrpcServerCall,
  options: GrpcServeOptions,
  refusals: RateLimit | undefined,
): Promise<{ readonly peer: Peer | undefined } | undefined> {
  if (refusals?.isSpent(call.caller.address) === true) {
    call.end(GRPC_CODE.RESOURCE_EXHAUSTED, 'too many calls of this address were refused; try again later');
    return undefined;
  }
  const peer = refusals === undefined ? undefined : await peerOf(call, options);
  if (!call.isOpen) return undefined;
  if (typeof peer !== 'string') return { peer };
  if (peer !== CANNOT_CHECK) refusals?.admit(call.caller.address);
  call.end(GRPC_CODE.UNAUTHENTICATED, peer);
  return undefined;
}

async function serveAds(
  call: GrpcServerCall,
  protocol: AdsProtocol,
  options: GrpcServeOptions,
  refusals: RateLimit | undefined,
): Promise<void> {
  const admitted = await admit(call, options, refusals);
  if (admitted === undefined) return;
  const { peer } = admitted;
  const transport: AdsTransport = {
    send: (pieces) => call.send(pieces),
    close: (code, details) => call.end(code, details),
  };
  const stream = options.fleet.open(protocol, peer, transport);
  if (stream === undefined) return call.end(GRPC_CODE.RESOURCE_EXHAUSTED, 'too many streams');
  call.handle({
    onMessage: (message) => stream.receive(message),
    onEnd() {
      options.fleet.close(stream);
      call.end(GRPC_CODE.OK, '');
    },
    onDrain: () => stream.drained(),
    onClose: () => options.fleet.close(stream),
  });
}

const CANNOT_CHECK = 'the control plane cannot check now who calls';

/** Who calls, or a sentence that says why nobody knows. */
async function peerOf(call: GrpcServerCall, { authenticate, log }: GrpcServeOptions): Promise<Peer | string> {
  const { address, certificate } = call.caller;
  try {
    const found = await authenticate({
      authorization: call.header('authorization'),
      peerCertificate: certificate,
    });
    if (found.ok) return { identity: found.identity, pod: found.pod };
    log(`xds: refused a proxy at ${address}: ${found.reason}`);
    return found.reason;
  } catch (error) {
    log(`xds: cannot check who calls: ${error instanceof Error ? error.message : error}`);
    return CANNOT_CHECK;
  }
}
