/** A listener made ready: immutable but for the state inside its terminal filters. Made by lower-listener.ts, run by accept/. */
import type { ProxyField } from '../../wire/proxy-protocol/decode.ts';
import type { CompiledMatch } from '../../xds/match/filter-chain.ts';
import type { DnsTable } from '../dns/dns-table.ts';
import type { Downstream, TerminalFilter } from '../runtime.ts';
import type { DownstreamTlsEnd } from './lower-transport-socket.ts';

export interface Listener {
  readonly name: string;
  /** Where to listen; empty where the listener only takes connections that another one hands over (bind_to_port false). */
  readonly binds: readonly Bind[];
  /** The limit of connections of the whole proxy is not for it. */
  readonly ignoresConnectionLimit: boolean;
  /** `10.96.0.7_3306` or `0.0.0.0_9080`: how another listener finds this one by original destination. */
  readonly address: { readonly host: string; readonly port: number };
  readonly direction: Downstream['direction'];
  /** Hand connections to the listener of their original destination. */
  readonly useOriginalDestination: boolean;
  readonly inspect: Inspection;
  readonly chains: readonly Chain[];
  readonly defaultChain: Chain | undefined;
  /** UDP listeners: the names this proxy answers. */
  readonly dns: DnsTable | undefined;
}

export type Bind =
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly backlog: number | undefined;
      readonly reusePort: boolean;
    }
  | { readonly kind: 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'pipe'; readonly path: string };

/** What is looked at before a chain is chosen. A test of the destination port switches each off where configured so. */
export interface Inspection {
  /** Ask the kernel for the original destination. */
  readonly originalDestination: boolean;
  readonly tls: PortTest | undefined;
  readonly http: PortTest | undefined;
  /** A header before everything else tells who called. */
  readonly proxyProtocol: ProxyProtocolRules | undefined;
  /** How long first bytes are waited for; 0 is without end. */
  readonly timeoutMs: number;
  /** After the time is up: go on with what is known, or close. */
  readonly continueOnTimeout: boolean;
}

export interface ProxyProtocolRules {
  /** Connections without a header are taken as they are. */
  readonly optional: boolean;
  /** Fields of the header that become dynamic metadata, by filter. */
  metadataOf(fields: readonly ProxyField[]): Downstream['metadata'];
}

/** Whether a listener filter runs for a destination port. */
export type PortTest = (port: number) => boolean;

export interface Chain {
  readonly name: string;
  readonly match: CompiledMatch;
  readonly tls: DownstreamTlsEnd | undefined;
  readonly terminal: TerminalFilter;
  /** The message it was made from, as text: an equal one keeps this chain and its connections. */
  readonly source: string;
}

/** All chains of a listener, the default one last. */
export function chainsOf(listener: Listener): readonly Chain[] {
  return listener.defaultChain === undefined ? listener.chains : [...listener.chains, listener.defaultChain];
}
