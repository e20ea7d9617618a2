import { typeUrls } from '../../xds/resources.ts';
import type { DnsRecord, NamesOnDemand } from '../dns/dns-table.ts';
import type { Around } from './around.ts';

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
    return inUse.record(name) ?? (wanted?.state === 'absent' ? 'none' : undefined);
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
