import { parse, stringify } from 'yaml';
import { CALL_HEADER } from '../../../echo/order.ts';
import { type Fields, fieldsOf } from '../../plain-fields.ts';

/** Names in the proxies' logs -> operators of Envoy's access log. */
const FORMAT = {
  call: `%REQ(${CALL_HEADER.toUpperCase()})%`,
  cluster: '%UPSTREAM_CLUSTER%',
  attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  details: '%RESPONSE_CODE_DETAILS%',
  termination: '%CONNECTION_TERMINATION_DETAILS%',
  tls: '%DOWNSTREAM_TLS_VERSION%',
  peer: '%DOWNSTREAM_PEER_URI_SAN%',
  started: '%START_TIME(%s%3f)%',
} as const;

/** One line of a proxy's access log. Values that are not there are '-' or missing. */
export type AccessLine = { readonly [K in keyof typeof FORMAT]?: string | number | null };

/** What nobody waits for exactly, in milliseconds: Istio's own. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The objects with a mesh configuration by which every proxy logs what is looked for. With each turn clusters are other
 * ones: no connection is left that a proxy accepted by the rules of the test before.
 */
export function withTestSettings(objects: readonly Fields[], turn: number): readonly Fields[] {
  const own = objects.find(isMeshConfig);
  const config: unknown = parse(String(fieldsOf(own?.['data'])['mesh'] ?? '{}'));
  const mesh = {
    connectTimeout: `${(CONNECT_TIMEOUT_MS + turn) / 1000}s`,
    ...fieldsOf(config),
    accessLogFile: '/dev/stdout',
    accessLogEncoding: 'JSON',
    accessLogFormat: JSON.stringify(FORMAT),
  };
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: own?.['metadata'] ?? { name: 'istio', namespace: 'istio-system' },
    data: { ...fieldsOf(own?.['data']), mesh: stringify(mesh) },
  };
  return [...objects.filter((object) => object !== own), map];
}

function isMeshConfig(object: Fields): boolean {
  const { name, namespace } = fieldsOf(object['metadata']);
  return object['kind'] === 'ConfigMap' && name === 'istio' && namespace === 'istio-system';
}
