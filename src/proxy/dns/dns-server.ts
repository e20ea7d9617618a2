/**
 * DNS over UDP: questions to the table of the listener they arrived at, others to its upstream resolvers, bounded in
 * number and time. Called by accept/; never: recursion, caching (the table is small and the upstream caches).
 */
import type { Clock } from '../../lib/clock.ts';
import type { Result } from '../../lib/result.ts';
import type { NetError, Network, UdpSocket } from '../../wire/connection.ts';
import type { ProcessLog } from '../process-log.ts';
import type { DnsTable } from './dns-table.ts';

export interface DnsServer {
  /** Answers on a socket from the table of each moment. */
  listen(
    bind: { readonly host: string; readonly port: number },
    table: () => DnsTable | undefined,
  ): Promise<Result<UdpSocket, NetError>>;
}

export interface DnsServerOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Source address of questions to upstream resolvers. */
  readonly sourceAddress: string | undefined;
  readonly log: ProcessLog;
}

export declare function createDnsServer(options: DnsServerOptions): DnsServer;
