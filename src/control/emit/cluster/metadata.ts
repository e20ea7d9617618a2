import type { Origin } from '../../../mesh/origin.ts';
import type { Service } from '../../../mesh/service.ts';
import type { Subset } from '../../../mesh/traffic-policy.ts';
import type { Cluster, Json } from '../../../xds/resources.ts';
import type { HostPolicy } from '../../resolve/destination-rules.ts';

/** What telemetry says of a destination: its service, and the object that configured it. Istio's form and names. */
export function clusterMetadata(
  service: Service,
  port: number,
  subset: Subset | undefined,
  policy: HostPolicy,
): NonNullable<Cluster['metadata']> {
  const [decisive] = policy.origins;
  return {
    filter_metadata: {
      istio: {
        ...(decisive === undefined ? {} : { config: configPath(decisive) }),
        ...(subset === undefined ? {} : { subset: subset.name }),
        default_original_port: port,
        services: serviceList([service]),
      },
    },
  };
}

/** Services as metadata lists them. */
export function serviceList(services: readonly Service[]): Json {
  return services.map(({ hostname, name, namespace }) => ({ host: hostname, name, namespace }));
}

/** `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`. */
export function configPath(origin: Origin): string {
  const kind = origin.kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  return `/apis/${origin.group}/v1/namespaces/${origin.namespace}/${kind}/${origin.name}`;
}
