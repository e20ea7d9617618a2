import type { TestWorkload } from '../../api/weft/traffic-test.ts';
import type { Workload } from '../../mesh/workload.ts';

/** A declared workload as the Pod that it is: its address and readiness are whoever's who starts it. */
export function podOf({ name, namespace, serviceAccount, labels, ports, mesh }: TestWorkload): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      annotations: { 'weft.dev/data-plane': mesh === false ? 'none' : 'weft' },
    },
    spec: {
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
      containers: [
        {
          name: 'echo',
          image: 'echo',
          ports: (ports ?? []).map((containerPort) => ({ containerPort })),
        },
      ],
    },
  };
}

/** Whether a workload listens at a port: one that declares its ports does at those only, any other everywhere. */
export function listensAt(declared: readonly TestWorkload[]): (workload: Workload, port: number) => boolean {
  return (workload, port) => {
    const found = declared.find(
      ({ name, namespace = 'default' }) => name === workload.name && namespace === workload.namespace,
    );
    return found?.ports === undefined || found.ports.includes(port);
  };
}
