import { cidrContains, parseCidr } from '../lib/cidr.ts';

/** Where a network is entered from others: by TLS of the mesh, whose server name says for which service. */
export interface NetworkGateway {
  readonly address: string;
  readonly port: number;
}

/** Networks whose workloads cannot call each other directly. */
export interface Networks {
  /** By network; empty where every workload can be called directly. */
  readonly gateways: Readonly<Record<string, readonly NetworkGateway[]>>;
  /** Networks by ranges of addresses. */
  readonly ranges: readonly { readonly range: string; readonly network: string }[];
  /** The network of workloads that nothing else tells of. */
  readonly standard: string;
}

/** The network of an address: that of its range, else what its workload says, else the standard one. */
export function networkAt({ ranges, standard }: Networks, address: string, own: string): string {
  const found = ranges.find(({ range }) => {
    const cidr = parseCidr(range);
    return cidr !== undefined && cidrContains(cidr, address);
  });
  return found?.network ?? (own === '' ? standard : own);
}

/** The gateways by which a caller in a network reaches an endpoint in another; empty: directly. */
export function gatewaysBetween({ gateways }: Networks, from: string, to: string): readonly NetworkGateway[] {
  return to === '' || to === from ? [] : (gateways[to] ?? []);
}

/** By what weights are multiplied, so that they can be divided among any network's gateways without rest. */
export function weightScale({ gateways }: Networks): number {
  return Object.values(gateways).reduce((scale, { length }) => leastCommonMultiple(scale, length), 1);
}

function leastCommonMultiple(a: number, b: number): number {
  const divisor = (x: number, y: number): number => (y === 0 ? x : divisor(y, x % y));
  return b === 0 ? a : (a * b) / divisor(a, b);
}
