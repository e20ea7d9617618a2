import { type FieldProblem, Fields, isMapping } from './fields.ts';
import type {
  MeshDefaultsObject,
  Metadata,
  Origin,
  PlatformObject,
  ServiceObject,
  ServicePort,
  WorkloadObject,
} from './objects.ts';
import { readMeshDefaults, readProxyConfig } from './proxy-settings.ts';
import { readTemplate } from './read-template.ts';

/** Replicas of one Deployment on one machine. */
export const MAX_REPLICAS = 100;

/** What a document holds for the platform: an object, nothing of interest (`undefined`), or problems. */
export interface ReadResult {
  readonly object: PlatformObject | undefined;
  readonly problems: readonly FieldProblem[];
}

/** Reads one Kubernetes object. Kinds that the platform does not act on give neither object nor problem. */
export function readObject(value: unknown, origin: Origin): ReadResult {
  if (!isMapping(value)) return { object: undefined, problems: [] };
  const problems: FieldProblem[] = [];
  const object = readKind(new Fields(value, [], problems), value, origin);
  return problems.length > 0 ? { object: undefined, problems } : { object, problems };
}

function readKind(
  fields: Fields,
  written: Readonly<Record<string, unknown>>,
  origin: Origin,
): PlatformObject | undefined {
  const { apiVersion, kind } = written;
  if (apiVersion === 'v1' && kind === 'Namespace') {
    return { kind: 'Namespace', metadata: readMetadata(fields, false), origin };
  }
  if (apiVersion === 'v1' && kind === 'Service') return readService(fields, written, origin);
  if (apiVersion === 'v1' && kind === 'Pod') return readPod(fields, origin);
  if (apiVersion === 'v1' && kind === 'ConfigMap') return readConfigMap(written, origin);
  if (apiVersion === 'networking.istio.io/v1beta1' && kind === 'ProxyConfig') {
    const metadata = readMetadata(fields, true);
    return { kind, metadata, origin, ...readProxyConfig(fields.fields('spec')) };
  }
  if (apiVersion === 'apps/v1' && kind === 'Deployment') return readDeployment(fields, origin);
  return undefined;
}

function readMetadata(fields: Fields, namespaced: boolean): Metadata {
  const metadata = fields.fields('metadata');
  const name = metadata.string('name');
  if (name === '') metadata.problem('name', 'must be given');
  // Names become names of files and hosts.
  else if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
    metadata.problem('name', `"${name}" must be lower-case letters, digits, - and .`);
  const namespace = namespaced ? metadata.string('namespace', 'default') || 'default' : '';
  if (!/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/.test(namespace))
    metadata.problem('namespace', `"${namespace}" must be lower-case letters, digits and -`);
  return {
    name,
    namespace,
    labels: metadata.strings('labels'),
    annotations: metadata.strings('annotations'),
  };
}

function readService(
  fields: Fields,
  written: Readonly<Record<string, unknown>>,
  origin: Origin,
): ServiceObject {
  const spec = fields.fields('spec');
  return {
    kind: 'Service',
    metadata: readMetadata(fields, true),
    origin,
    written,
    spec: {
      type: spec.string('type', 'ClusterIP'),
      clusterIp: spec.string('clusterIP'),
      selector: spec.strings('selector'),
      ports: spec.list('ports').map(readServicePort),
    },
  };
}

function readServicePort(fields: Fields): ServicePort {
  const port = fields.whole('port', 0, 1, 65_535);
  const protocol = fields.string('protocol', 'TCP') === 'UDP' ? 'UDP' : 'TCP';
  return { name: fields.string('name'), port, protocol, targetPort: fields.port('targetPort', port || 1) };
}

function readDeployment(fields: Fields, origin: Origin): WorkloadObject {
  const spec = fields.fields('spec');
  const template = spec.fields('template');
  return {
    kind: 'Deployment',
    metadata: readMetadata(fields, true),
    origin,
    replicas: spec.whole('replicas', 1, 0, MAX_REPLICAS),
    template: readTemplate(template.fields('metadata'), template.fields('spec')),
  };
}

function readPod(fields: Fields, origin: Origin): WorkloadObject {
  return {
    kind: 'Pod',
    metadata: readMetadata(fields, true),
    origin,
    replicas: undefined,
    template: readTemplate(fields.fields('metadata'), fields.fields('spec')),
  };
}

/** The mesh configuration. What is wrong in it, or in another ConfigMap, others say. */
function readConfigMap(
  written: Readonly<Record<string, unknown>>,
  origin: Origin,
): MeshDefaultsObject | undefined {
  const metadata = readMetadata(new Fields(written, [], []), true);
  const { data } = written;
  const text = isMapping(data) ? data['mesh'] : undefined;
  const read = typeof text === 'string' ? readMeshDefaults(metadata, text) : undefined;
  return read === undefined ? undefined : { kind: 'ConfigMap', metadata, origin, ...read };
}
