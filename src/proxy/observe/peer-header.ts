import type { NodeInfo } from '../node-info.ts';
import { UNKNOWN_WORKLOAD, type WorkloadLabels } from './istio-metrics.ts';

// How two of these proxies tell each other who they are, for the labels of metrics: one short request header, sent
// only over mutual TLS, taken out before the application sees it, believed only with a verified certificate.

export const PEER_HEADER = 'x-weft-peer';

/** Longer than this nobody introduces himself. */
const MAX_LENGTH = 1024;

/** Labels of this proxy's own workload. */
export function ownLabels(node: NodeInfo): WorkloadLabels {
  const { labels } = node;
  const app = labels['app'] ?? labels['app.kubernetes.io/name'] ?? '';
  const version = labels['version'] ?? labels['app.kubernetes.io/version'] ?? '';
  return {
    workload: node.workload || 'unknown',
    namespace: node.namespace || 'unknown',
    principal: 'unknown',
    app: app || 'unknown',
    version: version || 'unknown',
    cluster: textOf(node.metadata['CLUSTER_ID']) || 'Kubernetes',
    canonicalService: labels['service.istio.io/canonical-name'] || app || node.workload || 'unknown',
    canonicalRevision: labels['service.istio.io/canonical-revision'] || version || 'latest',
  };
}

/** What a proxy says of itself. */
export function introduction(node: NodeInfo): string {
  if (node.workload === '') return '';
  const own = ownLabels(node);
  return [
    own.workload,
    own.namespace,
    own.app,
    own.version,
    own.cluster,
    own.canonicalService,
    own.canonicalRevision,
  ]
    .map(encodeURIComponent)
    .join(';');
}

/** The caller by what it says; unknown where it says nothing that can be read. */
export function parseIntroduction(text: string | undefined, principal: string): WorkloadLabels {
  const parts = text === undefined || text.length > MAX_LENGTH ? [] : text.split(';').map(decode);
  if (parts.length !== 7) return { ...UNKNOWN_WORKLOAD, ...fromPrincipal(principal) };
  const [workload, namespace, app, version, cluster, canonicalService, canonicalRevision] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    workload,
    namespace,
    principal: principal || 'unknown',
    app,
    version,
    cluster,
    canonicalService,
    canonicalRevision,
  };
}

/** An endpoint by `filter_metadata.istio.workload`: name;namespace;canonical service;canonical revision;cluster. */
export function endpointLabels(workload: unknown, principal: string): WorkloadLabels {
  const parts = typeof workload === 'string' ? workload.split(';') : [];
  const [name = '', namespace = '', service = '', revision = '', cluster = ''] = parts;
  return {
    workload: name || 'unknown',
    namespace: namespace || 'unknown',
    principal: principal || 'unknown',
    app: service || 'unknown',
    version: revision || 'unknown',
    cluster: cluster || 'unknown',
    canonicalService: service || 'unknown',
    canonicalRevision: revision || 'latest',
  };
}

function fromPrincipal(principal: string): Partial<WorkloadLabels> {
  const namespace = /\/ns\/([^/]+)\//.exec(principal)?.[1];
  return namespace === undefined ? {} : { namespace, principal };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
