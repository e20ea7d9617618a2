import type { ProxyDefaults } from '../../api/istio/mesh-config/proxy-defaults.ts';
import { parseMeshConfig } from '../../api/istio/mesh-config.ts';
import {
  overProxyDefaults,
  PROXY_CONFIG,
  readOwnProxyConfig,
} from '../../api/istio/proxy-config-annotation.ts';
import type { Fields } from './fields.ts';
import type {
  MeshDefaultsObject,
  Metadata,
  PlatformObject,
  PodTemplate,
  ProxyConfigObject,
} from './objects.ts';

// How the proxy of a pod is started: the mesh configuration's defaultConfig, over it the ProxyConfig of the root
// namespace, that of the pod's namespace, what the pod itself says, and the ProxyConfig that selects it (Istio's
// order). Pure. What the control plane delivers of it, it works out by itself.

/** What a proxy is started with. Empty where nobody says anything. */
export interface ProxySettings {
  /** Threads, or processes of weft's own; 0: one for each core. Missing: one. */
  readonly concurrency?: number;
  /** Variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Connections of clients that it takes at a time. */
  readonly maxConnections?: number;
}

/** Namespace of what holds for all. */
export const ROOT_NAMESPACE = 'istio-system';

/** Threads that a ProxyConfig may ask for. */
const MAX_CONCURRENCY = 1_024;

/** Name of the ConfigMap with the mesh configuration. */
const MESH_CONFIG_MAP = 'istio';

/** The mesh configuration of a ConfigMap; undefined for all other ConfigMaps, and where it is not valid. */
export function readMeshDefaults(
  metadata: Metadata,
  text: string,
): Pick<MeshDefaultsObject, 'config'> | undefined {
  if (metadata.name !== MESH_CONFIG_MAP || metadata.namespace !== ROOT_NAMESPACE) return undefined;
  const { config } = parseMeshConfig(text);
  return config === undefined ? undefined : { config: config.defaultConfig };
}

/** The part of a ProxyConfig that proxies are started with. */
export function readProxyConfig(spec: Fields): Pick<ProxyConfigObject, 'selector' | 'config'> {
  const environment = spec.strings('environmentVariables');
  return {
    selector: spec.fields('selector').strings('matchLabels'),
    config: {
      ...(spec.has('concurrency') ? { concurrency: spec.whole('concurrency', 0, 0, MAX_CONCURRENCY) } : {}),
      ...(Object.keys(environment).length === 0 ? {} : { proxyMetadata: environment }),
    },
  };
}

/** What the proxy of a pod is started with. */
export function proxySettingsOf(
  objects: readonly PlatformObject[],
  namespace: string,
  template: PodTemplate,
): ProxySettings {
  const proxyConfigs = objects.filter((object) => object.kind === 'ProxyConfig');
  const whole = (inNamespace: string) =>
    proxyConfigs.find(
      ({ metadata, selector }) => metadata.namespace === inNamespace && Object.keys(selector).length === 0,
    );
  const selecting = proxyConfigs.find(
    ({ metadata, selector }) =>
      metadata.namespace === namespace &&
      Object.keys(selector).length > 0 &&
      Object.entries(selector).every(([key, value]) => template.labels[key] === value),
  );
  const own = readOwnProxyConfig(template.annotations[PROXY_CONFIG] ?? '');
  const layers = [
    objects.find((object) => object.kind === 'ConfigMap'),
    whole(ROOT_NAMESPACE),
    namespace === ROOT_NAMESPACE ? undefined : whole(namespace),
    own,
    selecting,
  ];
  const merged = layers.reduce<ProxyDefaults>(
    (base, layer) => overProxyDefaults(base, layer?.config ?? {}),
    {},
  );
  return settingsOf(merged);
}

function settingsOf({ concurrency, proxyMetadata, connectionSettings }: ProxyDefaults): ProxySettings {
  const maxConnections = connectionSettings?.globalDownstreamConnectionLimit;
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(proxyMetadata === undefined || Object.keys(proxyMetadata).length === 0
      ? {}
      : { environment: proxyMetadata }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
  };
}
