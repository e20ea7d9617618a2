import { POD_NETWORK, SERVICE_NETWORK } from './plan.ts';

// Who has which address. Two small allocators over the second half of a /16.

/** Pods that may exist at once on one machine. */
export const MAX_PODS = 500;
/** Services with a cluster IP. */
export const MAX_SERVICES = 10_000;

/** Hands out addresses of 10.244.0.0/16, the longest unused first: a late packet for a gone pod must not meet a new one. */
export class PodAddresses {
  readonly #taken = new Set<number>();
  #last = 1;

  /** The next free address. @throws RangeError past {@link MAX_PODS}. */
  take(): string {
    if (this.#taken.size >= MAX_PODS) throw new RangeError(`more than ${MAX_PODS} pods at once`);
    do {
      this.#last = this.#last >= 0xfffe ? 2 : this.#last + 1;
    } while (this.#taken.has(this.#last));
    this.#taken.add(this.#last);
    return addressOf(POD_NETWORK.base, this.#last);
  }

  /** Gives an address back. */
  free(address: string): void {
    this.#taken.delete(indexOf(address));
  }
}

/**
 * Cluster IPs: found by a hash of namespace and name, so that a Service nearly always has the same address from
 * one run to the next; kept while the Service exists. The first 256 addresses are reserved, as DNS has one of them.
 */
export class ServiceAddresses {
  readonly #byName = new Map<string, number>();
  readonly #taken = new Set<number>();

  /** The Service's address; `asked` (its spec.clusterIP) when that is free and in the range. @throws RangeError */
  take(namespace: string, name: string, asked?: string): string {
    const key = `${namespace}/${name}`;
    const known = this.#byName.get(key);
    if (known !== undefined) return addressOf(SERVICE_NETWORK.base, known);
    if (this.#taken.size >= MAX_SERVICES) throw new RangeError(`more than ${MAX_SERVICES} Services`);
    const index = this.#askedFor(asked) ?? this.#hashed(key);
    this.#byName.set(key, index);
    this.#taken.add(index);
    return addressOf(SERVICE_NETWORK.base, index);
  }

  /** Gives the Service's address back. */
  free(namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    const index = this.#byName.get(key);
    if (index === undefined) return;
    this.#byName.delete(key);
    this.#taken.delete(index);
  }

  #askedFor(address: string | undefined): number | undefined {
    if (address === undefined || !address.startsWith(`${SERVICE_NETWORK.base.join('.')}.`)) return undefined;
    const index = indexOf(address);
    return index > 0 && index < 0xffff && !this.#taken.has(index) ? index : undefined;
  }

  #hashed(key: string): number {
    let index = 256 + (fnv1a(key) % (0xffff - 256));
    while (this.#taken.has(index)) index = index >= 0xfffe ? 256 : index + 1;
    return index;
  }
}

function addressOf(base: readonly [number, number], index: number): string {
  return `${base[0]}.${base[1]}.${index >> 8}.${index & 255}`;
}

function indexOf(address: string): number {
  const [, , high = 0, low = 0] = address.split('.').map(Number);
  return (high << 8) | low;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
