import { typeUrls } from '../../xds/resources.ts';
import { addressKey, anyAddressKey } from '../accept/listener-set.ts';
import type { DnsRecord, NamesOnDemand } from '../dns/dns-table.ts';
import type { Around } from './around.ts';

/** A name of more addresses is not one service's. */
const MAX_ADDRESSES_AHEAD = 4;

/** Addresses of names, each asked for when a client asks. */
export class Names implements NamesOnDemand {
  readonly #around: Around;

  constructor(around: Around) {
    this.#around = around;
  }

  find(name: string): DnsRecord | 'none' | undefined {
    const { demand, limits, inUse } = this.#around;
    if (name === '' || name.length > limits.maxHostLength) return 'none';
    const wanted = demand.want(typeUrls.dnsTable, name);
    const record = inUse.record(name);
    if (record !== undefined) this.#fetchAhead(record);
    return record ?? (wanted?.state === 'absent' ? 'none' : undefined);
  }

  /** Who asks for a name is about to call it: what takes the call is on its way before it comes. */
  #fetchAhead({ addresses, ports = [] }: DnsRecord): void {
    const { demand } = this.#around;
    if (addresses.length > MAX_ADDRESSES_AHEAD) return;
    for (const { port, cluster } of ports) {
      for (const address of addresses)
        for (const name of [addressKey(address, port), anyAddressKey(address, port)])
          demand.want(typeUrls.listener, name);
      if (cluster !== '') demand.want(typeUrls.cluster, cluster);
    }
  }

  until(name: string): Promise<DnsRecord | 'none' | undefined> {
    const { waits, limits } = this.#around;
    return new Promise((resolve) =>
      waits.until(
        () => this.find(name) !== undefined,
        limits.nameMs,
        () => resolve(this.find(name)),
      ),
    );
  }
}
