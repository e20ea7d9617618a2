import type { Clock } from '../../lib/clock.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { ListenerSet } from '../accept/listener-set.ts';
import type { HostsOnDemand } from '../stream/route-table.ts';
import type { InUse } from './around.ts';
import { createDemand, type Demand, type Demanded } from './demand.ts';
import { PortHosts } from './hosts.ts';
import { DEMAND_LIMITS, type DemandLimits } from './limits.ts';
import { Listeners } from './listeners.ts';
import { Names } from './names.ts';
import { Waits } from './waits.ts';

/** All that is asked for on demand, and who waits for it: one for a data plane. */
export class OnDemand {
  readonly demand: Demand;
  readonly listeners: Listeners;
  readonly names: Names;
  /** Names to subscribe to may have changed. Called once for all that changed in one go. */
  onNeeds: () => void = () => {};
  readonly #waits: Waits;
  readonly #limits: DemandLimits;
  readonly #inUse: InUse;
  readonly #hosts = new Map<string, PortHosts>();
  #told = false;

  constructor(clock: Clock, inUse: InUse, limits: DemandLimits = DEMAND_LIMITS) {
    this.#limits = limits;
    this.#inUse = inUse;
    this.demand = createDemand(clock, limits, () => this.#tell());
    this.#waits = new Waits(clock, limits.maxWaiting);
    const around = { demand: this.demand, waits: this.#waits, limits, inUse };
    this.listeners = new Listeners(around);
    this.names = new Names(around);
  }

  /** The virtual hosts of a route configuration. */
  hosts(routes: string, ignorePort: boolean): HostsOnDemand {
    let hosts = this.#hosts.get(routes);
    if (hosts === undefined || hosts.ignorePort !== ignorePort) {
      const around = { demand: this.demand, waits: this.#waits, limits: this.#limits, inUse: this.#inUse };
      hosts = new PortHosts(routes, ignorePort, around);
      this.#hosts.set(routes, hosts);
    }
    return hosts;
  }

  /** A cluster is referred to in passing (a header's value names it): it is asked for. */
  missed(cluster: string): undefined {
    if (cluster !== '') this.demand.want(typeUrls.cluster, cluster);
    return undefined;
  }

  /** Something was put to use, or is known to be missing. */
  settled(): void {
    this.#waits.check();
  }

  /** Gives back what is idle. True where that was anything. */
  sweep(): boolean {
    const set = this.#inUse.listeners();
    return this.demand.sweep((one) => isBusy(one, set));
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      this.onNeeds();
    });
  }
}

/** A listener is in use as long as it has connections. */
function isBusy({ typeUrl, name }: Demanded, { byDestination }: ListenerSet): boolean {
  if (typeUrl !== typeUrls.listener) return false;
  const listener = byDestination.get(name);
  if (listener === undefined) return false;
  if ((listener.defaultChain?.terminal.openConnections ?? 0) > 0) return true;
  return listener.chains.some(({ terminal }) => terminal.openConnections > 0);
}
