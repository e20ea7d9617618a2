// Names in the Gateway API: lower case, unlike Istio's.

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const HEADER = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
const MAX_HOSTNAME_LENGTH = 253;
const MAX_KIND_LENGTH = 63;
const MAX_NAME_LENGTH = 253;
const MAX_HEADER_LENGTH = 256;
const MAX_VALUE_LENGTH = 4096;

/** The group of all kinds in this folder. */
export const GATEWAY_API_GROUP = 'gateway.networking.k8s.io';

/** The group of kinds that are tried out: their names begin with X. */
export const EXPERIMENTAL_GROUP = 'gateway.networking.x-k8s.io';

/** What is wrong with a host name; `*.example.com` is allowed where `wildcard` is true. No addresses, no ports. */
export function hostnameProblem(name: string, wildcard: boolean): string | undefined {
  const rest = wildcard && name.startsWith('*.') ? name.slice(2) : name;
  const labels = rest.split('.');
  if (/^\d+(?:\.\d+){3}$/.test(rest)) return `"${name}" is an IP address; a host name is needed here`;
  if (rest.length <= MAX_HOSTNAME_LENGTH && labels.every((label) => LABEL.test(label))) return undefined;
  return `"${name}" is not a host name; use lower-case letters, digits, "-" and "."${wildcard ? ', and "*." in front' : ''}`;
}

/** What is wrong with the name of a listener or rule, or undefined. */
export function sectionNameProblem(name: string): string | undefined {
  if (name.length <= MAX_HOSTNAME_LENGTH && name.split('.').every((label) => LABEL.test(label)))
    return undefined;
  return `"${name}" is not a name for a section; use lower-case letters, digits, "-" and "."`;
}

/** What is wrong with the group of a reference ('' is Kubernetes' core group), or undefined. */
export function groupProblem(group: string): string | undefined {
  if (group === '') return undefined;
  if (group.length <= MAX_NAME_LENGTH && group.split('.').every((label) => LABEL.test(label)))
    return undefined;
  return `"${group}" is not an API group; write "" for Services, or a name such as ${GATEWAY_API_GROUP}`;
}

/** What is wrong with the kind of a reference, or undefined. */
export function kindProblem(kind: string): string | undefined {
  return kind.length <= MAX_KIND_LENGTH && /^[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(kind)
    ? undefined
    : `"${kind}" is not the name of a kind`;
}

/** What is wrong with the name of an object that is referred to, or undefined; whether it may be missing is the caller's. */
export function refNameProblem(name: string): string | undefined {
  return name.length <= MAX_NAME_LENGTH
    ? undefined
    : `the name is longer than ${MAX_NAME_LENGTH} characters; no object has it`;
}

/** What is wrong with the namespace of a reference, or undefined. */
export function namespaceProblem(namespace: string): string | undefined {
  if (namespace.length <= 63 && LABEL.test(namespace)) return undefined;
  return `"${namespace}" is not a namespace; use lower-case letters, digits and "-"`;
}

/** What is wrong with the name of a header, or undefined. */
export function gatewayHeaderProblem(name: string): string | undefined {
  if (name.length > MAX_HEADER_LENGTH) return `the name is longer than ${MAX_HEADER_LENGTH} characters`;
  return HEADER.test(name) ? undefined : `"${name}" is not the name of a header; use letters, digits and "-"`;
}

/** What is wrong with the length of a header's value, or undefined. */
export function longValueProblem(value: string): string | undefined {
  return value.length <= MAX_VALUE_LENGTH
    ? undefined
    : `the value is longer than ${MAX_VALUE_LENGTH} characters`;
}

const DURATION = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/;

/** What is wrong with a duration of the Gateway API (GEP-2257: no fractions), or undefined. */
export function gatewayDurationProblem(duration: string): string | undefined {
  return DURATION.test(duration)
    ? undefined
    : `"${duration}" is not a duration; write it as 10s, 500ms or 1m30s`;
}
