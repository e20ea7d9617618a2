/** Where something runs, as far as known; '' for what is not. */
export interface Place {
  /** `region/zone/subzone`. */
  readonly locality: string;
  readonly network: string;
  readonly node: string;
}

export const NOWHERE: Place = { locality: '', network: '', node: '' };

/** Values of the labels that stand for a place itself (Kubernetes' and Istio's); undefined for any other label. */
export function topologyValue(label: string, { locality, network, node }: Place): string | undefined {
  const [region = '', zone = '', subzone = ''] = locality.split('/');
  switch (label) {
    case 'topology.kubernetes.io/region':
      return region;
    case 'topology.kubernetes.io/zone':
      return zone;
    case 'topology.istio.io/subzone':
      return subzone;
    case 'topology.istio.io/network':
      return network;
    case 'kubernetes.io/hostname':
      return node;
    default:
      return undefined;
  }
}

/** Whether a pattern (`region`, `region/zone/*`, `*`) means a locality. */
export function localityMatches(pattern: string, locality: string): boolean {
  if (pattern === '*') return true;
  const have = locality.split('/');
  return pattern.split('/').every((part, i) => part === '*' || part === (have[i] ?? ''));
}
