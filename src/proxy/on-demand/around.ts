import type { ListenerSet } from '../accept/listener-set.ts';
import type { DnsRecord } from '../dns/dns-table.ts';
import type { VirtualHostRoutes } from '../stream/route-table.ts';
import type { Demand } from './demand.ts';
import type { DemandLimits } from './limits.ts';
import type { Waits } from './waits.ts';

/** What is in use at the moment, as far as those who ask have to know. */
export interface InUse {
  listeners(): ListenerSet;
  /** The virtual host of a VHDS name that serves. */
  host(name: string): VirtualHostRoutes | undefined;
  record(name: string): DnsRecord | undefined;
}

/** What those who ask have in common. */
export interface Around {
  readonly demand: Demand;
  readonly waits: Waits;
  readonly limits: DemandLimits;
  readonly inUse: InUse;
}
