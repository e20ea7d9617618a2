import { withoutPort } from '../../xds/match/virtual-host.ts';
import { virtualHostResource } from '../../xds/names.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { HostsOnDemand, VirtualHostRoutes } from '../stream/route-table.ts';
import type { Around } from './around.ts';
import type { Demanded } from './demand.ts';

/** The virtual hosts of one route configuration, by the host that is asked for (VHDS). */
export class PortHosts implements HostsOnDemand {
  readonly ignorePort: boolean;
  readonly #routes: string;
  readonly #around: Around;
  /** By authority as clients write it: the way that requests take. */
  readonly #known = new Map<string, Demanded>();

  constructor(routes: string, ignorePort: boolean, around: Around) {
    this.#routes = routes;
    this.ignorePort = ignorePort;
    this.#around = around;
  }

  find(authority: string): VirtualHostRoutes | 'none' | undefined {
    let wanted = this.#known.get(authority);
    if (wanted === undefined || wanted.dropped) {
      wanted = this.#want(authority);
      if (wanted === undefined) return undefined;
    }
    wanted.used = true;
    return this.#around.inUse.host(wanted.name) ?? (wanted.state === 'absent' ? 'none' : undefined);
  }

  until(authority: string, done: (known: boolean) => void): void {
    const { waits, limits } = this.#around;
    waits.until(() => this.find(authority) !== undefined, limits.answerMs, done);
  }

  /** The resource that answers for an authority. */
  nameOf(authority: string): string {
    const host = (this.ignorePort ? withoutPort(authority) : authority).toLowerCase();
    return virtualHostResource(this.#routes, host.length > this.#around.limits.maxHostLength ? '' : host);
  }

  #want(authority: string): Demanded | undefined {
    const { demand, limits } = this.#around;
    const wanted = demand.want(typeUrls.virtualHost, this.nameOf(authority));
    if (wanted === undefined) return undefined;
    if (this.#known.size >= limits.maxNames) this.#known.clear();
    if (authority.length <= limits.maxHostLength) this.#known.set(authority, wanted);
    return wanted;
  }
}
