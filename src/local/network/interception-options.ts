import { parseCidr } from '../../lib/cidr.ts';

// The annotations by which a pod narrows what its proxy intercepts. Names and meaning are Istio's
// (https://istio.io/latest/docs/reference/config/annotations/).

/** What of a pod's traffic goes through its proxy. Ports are numbers, ranges are IPv4 CIDRs. */
export interface InterceptionOptions {
  /** `'*'` is every port. */
  readonly includeInboundPorts: '*' | readonly number[];
  readonly excludeInboundPorts: readonly number[];
  /** `'*'` is every address. */
  readonly includeOutboundRanges: '*' | readonly string[];
  readonly excludeOutboundRanges: readonly string[];
  /** Intercepted whatever the address. */
  readonly includeOutboundPorts: '*' | readonly number[];
  readonly excludeOutboundPorts: readonly number[];
}

/** Everything is intercepted. */
export const INTERCEPT_ALL: InterceptionOptions = {
  includeInboundPorts: '*',
  excludeInboundPorts: [],
  includeOutboundRanges: '*',
  excludeOutboundRanges: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
};

const PREFIX = 'traffic.sidecar.istio.io/';

/** Reads a pod's annotations. A value that cannot be understood is reported and the default stands in for it. */
export function interceptionOptions(annotations: Readonly<Record<string, string>>): {
  readonly options: InterceptionOptions;
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const list = <T>(name: string, read: (text: string) => T | undefined): readonly T[] | '*' | undefined => {
    const text = annotations[PREFIX + name];
    if (text === undefined) return undefined;
    if (text.trim() === '*') return '*';
    const items = text.split(',').map((item) => item.trim());
    const values = items.filter((item) => item !== '').map(read);
    if (!values.includes(undefined)) return values as T[];
    problems.push(`annotation ${PREFIX}${name}: "${text}" is neither * nor a list separated by commas`);
    return undefined;
  };
  const without = <T>(value: readonly T[] | '*' | undefined): readonly T[] =>
    Array.isArray(value) ? value : [];
  const options: InterceptionOptions = {
    includeInboundPorts: list('includeInboundPorts', readPort) ?? '*',
    excludeInboundPorts: without(list('excludeInboundPorts', readPort)),
    includeOutboundRanges: list('includeOutboundIPRanges', readRange) ?? '*',
    excludeOutboundRanges: without(list('excludeOutboundIPRanges', readRange)),
    includeOutboundPorts: list('includeOutboundPorts', readPort) ?? [],
    excludeOutboundPorts: without(list('excludeOutboundPorts', readPort)),
  };
  return { options, problems };
}

function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

// Pods have no IPv6; a range of it is valid and matches nothing, so only the form is checked.
function readRange(text: string): string | undefined {
  const range = parseCidr(text);
  return range === undefined || range.network.length !== 4 ? undefined : text;
}
