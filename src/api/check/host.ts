// Names of hosts, as Istio's API takes them: RFC 1123 labels (upper case too), wildcards in the first label only.

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const WILDCARD_LABEL = /^(?:\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;
const MAX_LABEL_LENGTH = 63;
const MAX_NAME_LENGTH = 255;

/** One part of a DNS name: letters, digits and `-`, at most 63, not starting or ending with `-`. */
export function isDnsLabel(text: string): boolean {
  return text.length <= MAX_LABEL_LENGTH && LABEL.test(text);
}

/** What is wrong with a full host name without wildcards, or undefined where nothing is. A final dot is allowed. */
export function fqdnProblem(name: string): string | undefined {
  return lengthProblem(name) ?? labelsProblem(name, name);
}

/** Like {@link fqdnProblem}, but the first label may be `*`, `*-x` or `*x`. `reviews.` and `*.` have their final dot. */
export function wildcardHostProblem(name: string): string | undefined {
  const tooLong = lengthProblem(name);
  if (tooLong !== undefined) return tooLong;
  const dot = name.indexOf('.');
  const first = dot < 0 ? name : name.slice(0, dot);
  if (first.length > MAX_LABEL_LENGTH || !WILDCARD_LABEL.test(first)) return labelProblem(name, first);
  return dot < 0 || dot === name.length - 1 ? undefined : labelsProblem(name, name.slice(dot + 1));
}

/** A `*` that is not a whole first label, as in `*-api.example.com`; the lone `*` is none. */
export function isPartialWildcard(name: string): boolean {
  return name.includes('*') && name !== '*' && !name.startsWith('*.');
}

/**
 * A host of a VirtualService on gateways. SNI names that AUTO_PASSTHROUGH gateways see are allowed as well:
 * `outbound_.80_._.reviews.default.svc.cluster.local` (port, subset, host).
 */
export function gatewayHostProblem(name: string, sni: boolean): string | undefined {
  if (!sni || !name.startsWith('outbound_')) return wildcardHostProblem(name);
  const [direction, port = '', , host = ''] = name.split('_');
  if (direction === 'outbound' && /[0-9]/.test(port) && /[a-zA-Z]/.test(host)) return lengthProblem(name);
  return `"${name}" looks like a generated SNI name but is not of the form outbound_.PORT_.SUBSET_.HOST`;
}

/** True where some host name is meant by both; either may be a wildcard. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostWithin(a, b) || hostWithin(b, a);
}

/** True where every host name that `inner` means is also meant by `outer`. */
export function hostWithin(inner: string, outer: string): boolean {
  if (!outer.startsWith('*')) return inner === outer;
  if (!inner.startsWith('*')) return inner.endsWith(outer.slice(1));
  return inner.length >= outer.length && inner.endsWith(outer.slice(1));
}

function lengthProblem(name: string): string | undefined {
  if (name === '') return 'a host name is missing here';
  if (name.length > MAX_NAME_LENGTH)
    return `"${name.slice(0, 40)}..." is too long for a host name: ${name.length} characters, at most ${MAX_NAME_LENGTH}`;
  return undefined;
}

function labelsProblem(name: string, rest: string): string | undefined {
  const labels = rest.split('.');
  const last = labels[labels.length - 1] ?? '';
  if (/^[+-]?\d+$/.test(last))
    return `"${name}" is not a host name: its last part "${last}" is a number; an IP address is not allowed here`;
  if (last === '' && labels.length > 1) labels.pop();
  const bad = labels.find((label) => !isDnsLabel(label));
  return bad === undefined ? undefined : labelProblem(name, bad);
}

function labelProblem(name: string, label: string): string {
  const rule = 'parts are 1 to 63 letters, digits and "-", and begin and end with a letter or digit';
  if (label.includes('*')) return `"${name}" is not a host name: "*" may only stand at the very beginning`;
  return `"${name}" is not a host name: its part ${label === '' ? 'between two dots is empty' : `"${label}" is wrong`}; ${rule}`;
}
