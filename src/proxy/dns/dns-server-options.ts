import type { Clock } from '../../lib/clock.ts';
import type { Network } from '../../wire/connection.ts';
import type { NamesOnDemand } from './dns-table.ts';

/** What the DNS server is made of. */
export interface DnsServerOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Source address of questions to upstream resolvers. */
  readonly sourceAddress: string | undefined;
  /** Names beside those of tables. */
  readonly onDemand?: NamesOnDemand | undefined;
}
