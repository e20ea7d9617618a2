import type { Resources } from '../../api/resources.ts';
import { type Compiled, readOf } from '../compile.ts';
import { workloads } from '../resolve/workloads.ts';
import type { ObservedMesh } from './observer.ts';

/** The port of a Pod at which its proxy offers statistics; who makes Pods writes it. Without it nothing is asked. */
const METRICS_PORT = 'weft.dev/metrics-port';

/** Whom to ask, and who may have called. */
export function observedMesh(compiled: Compiled, resources: Resources): ObservedMesh {
  const all = readOf(compiled).of(workloads, '');
  return {
    pods: all.flatMap(({ namespace, name, owner, kind, ips, dataPlane, gateway }) => {
      const [host] = ips;
      if (kind !== 'pod' || dataPlane === 'none' || gateway || host === undefined) return [];
      const { annotations } = resources.get('/Pod', namespace, name)?.object.metadata ?? {};
      const port = Number(annotations?.[METRICS_PORT]);
      // Of the Pod's own address only the port is the author's to choose.
      if (!Number.isInteger(port) || port < 1 || port > 65_535) return [];
      return [{ namespace, name, workload: owner, metrics: { host, port } }];
    }),
    peers: all.flatMap(({ namespace, owner, ips, dataPlane, explicit }) =>
      // On a shared host an address tells nothing.
      explicit !== undefined
        ? []
        : ips.map((address) => ({ address, namespace, workload: owner, hasProxy: dataPlane !== 'none' })),
    ),
  };
}
