import type { Hop, Protocol, Tls } from './hop.ts';
import type { Measure } from './measure.ts';
import { measureHandshakes } from './measure-handshakes.ts';
import { measureIdle } from './measure-idle.ts';
import { measureRequests } from './measure-requests.ts';
import { measureStart } from './measure-start.ts';
import { measureThroughput } from './measure-throughput.ts';
import { nodeAlone, type Peer, type PeerName } from './peers.ts';

type HopPart = Pick<Hop, 'downstreamTls' | 'upstreamTls' | 'accessLog' | 'accessRules'> & {
  /** One request in a hundred is traced. */
  readonly traces?: boolean;
};

/** What is measured, and how it is set up. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly protocol: Protocol;
  /** From the upstream to the clients. */
  readonly hops: readonly HopPart[];
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly measure: Measure;
  /** Who takes part beside the peers. */
  readonly also?: readonly Peer[];
  /** Peers that have nothing to set beside it, with the reason. */
  readonly without?: Partial<Record<PeerName, string>>;
}

const hop = (downstreamTls: Tls, upstreamTls: Tls, more: Partial<HopPart> = {}): HopPart => ({
  downstreamTls,
  upstreamTls,
  accessLog: false,
  accessRules: false,
  ...more,
});

const plain = {
  protocol: 'http1',
  hops: [hop('none', 'none')],
  requestBytes: 0,
  responseBytes: 200,
  measure: measureRequests,
} as const;

const noRules = 'has no access rules on SPIFFE identities to set beside it';

/** All of them, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  { ...plain, name: 'http1', title: 'HTTP/1.1, 200 bytes' },
  { ...plain, name: 'tls-upstream', title: 'TLS 1.3 to the upstream', hops: [hop('none', 'server')] },
  { ...plain, name: 'mutual-tls', title: 'mutual TLS 1.3 on both sides', hops: [hop('mutual', 'mutual')] },
  {
    ...plain,
    name: 'sidecars',
    title:
      'two sidecars in a row: mutual TLS between them, JSON access log, statistics, ten access rules, 1 % traces',
    hops: [
      hop('mutual', 'none', { accessLog: true, accessRules: true, traces: true }),
      hop('none', 'mutual', { accessLog: true, traces: true }),
    ],
    without: { haproxy: noRules, nginx: noRules },
  },
  {
    ...plain,
    name: 'bodies',
    title: 'HTTP/1.1, bodies of 64 KiB in both directions',
    requestBytes: 65_536,
    responseBytes: 65_536,
  },
  {
    ...plain,
    name: 'http2',
    title: 'HTTP/2 in clear text on both sides',
    protocol: 'http2',
    without: { nginx: 'speaks no HTTP/2 to upstreams' },
  },
  { ...plain, name: 'grpc', title: 'gRPC, unary, 100 bytes', protocol: 'grpc' },
  { ...plain, name: 'tcp', title: 'TCP proxy', protocol: 'tcp', measure: measureThroughput },
  {
    ...plain,
    name: 'tls-tcp',
    title: 'TCP proxy that terminates TLS 1.3',
    protocol: 'tcp',
    hops: [hop('server', 'none')],
    measure: measureThroughput,
  },
  {
    ...plain,
    name: 'handshakes',
    title: 'new TLS 1.3 connections, one request each',
    hops: [hop('server', 'none')],
    measure: measureHandshakes,
  },
  { ...plain, name: 'idle', title: 'idle HTTP/1.1 connections', measure: measureIdle },
  { ...plain, name: 'start', title: 'start to listening', measure: measureStart, also: [nodeAlone] },
];
