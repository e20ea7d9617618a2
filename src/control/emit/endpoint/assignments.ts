import { policyOfPort } from '../../../mesh/traffic-policy.ts';
import type { Labels } from '../../../mesh/workload.ts';
import { clusterSni, parseClusterName } from '../../../xds/names.ts';
import { hostPolicy, hostPolicyKey } from '../../resolve/destination-rules.ts';
import { passesTlsOn } from '../../resolve/gateway-ports.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { everyService, scopedService } from '../../resolve/scoped-services.ts';
import { inView, viewAndParts } from '../../resolve/views.ts';
import { keyOf, step } from '../../resolve/world.ts';
import { clustersOfService } from '../cluster/outbound-cluster.ts';
import { type EmittedEndpoints, sortedByName } from '../emitted.ts';
import { assignmentKey, renamedAssignment, sharedAssignment, WITHIN_TLS } from './load-assignment.ts';
import { type Preference, preferenceOf } from './preference.ts';

// The short path: a change of endpoints reaches nothing but these.

/** The load assignments of a view, in order of name, and by name. */
export interface Assignments {
  readonly list: readonly EmittedEndpoints[];
  readonly byName: ReadonlyMap<string, EmittedEndpoints>;
}

/** Endpoints of all outbound clusters of a view that take them by EDS, by the view's key. */
export const assignments = step('load assignments', (read, viewKey): Assignments => {
  const list = sortedByName(
    everyService(read, viewKey).flatMap((service) => [
      ...read.of(assignmentsOfService, inView(viewKey, service.hostname)),
      ...read.of(passedOnAssignments, inView(viewKey, service.hostname)),
    ]),
  );
  return { list, byName: new Map(list.map((assignment) => [assignment.name, assignment])) };
});

/** Those of one service, by view and hostname. */
export const assignmentsOfService = step(
  'load assignments of a service',
  (read, key): readonly EmittedEndpoints[] => {
    const service = read.of(scopedService, key);
    if (service === undefined) return [];
    return read.of(clustersOfService, key).flatMap(({ object: { type, name } }) => {
      const parsed = parseClusterName(name ?? '');
      if (type !== 'EDS' || parsed?.direction !== 'outbound') return [];
      const { labels, preference } = read.of(subsetAt, inView(key, parsed.subset, parsed.port));
      return [
        read.of(sharedAssignment, assignmentKey(service, parsed.port, parsed.subset, labels, preference)),
      ];
    });
  },
);

/** Those for what routers pass on within TLS of the mesh; by view and hostname. */
const passedOnAssignments = step(
  'passed on load assignments of a service',
  (read, key): readonly EmittedEndpoints[] => {
    const service = read.of(scopedService, key);
    const { viewKey, view } = viewAndParts(read, key);
    if (service === undefined || service.external || view.type !== 'router') return [];
    if (!read.of(passesTlsOn, viewKey)) return [];
    return read.of(clustersOfService, key).flatMap(({ object: { type, name = '' } }) => {
      const parsed = parseClusterName(name);
      if (type !== 'EDS' || parsed?.direction !== 'outbound') return [];
      const { port, subset } = parsed;
      const { labels, preference } = read.of(subsetAt, inView(key, subset, port));
      const shared = assignmentKey(service, port, subset, labels, preference, WITHIN_TLS);
      return [read.of(renamedAssignment, keyOf(clusterSni(port, subset, service.hostname), shared))];
    });
  },
);

/** What decides about the endpoints of a subset ('' for the service as a whole) at a port. */
interface SubsetAt {
  readonly labels: Labels;
  readonly preference: Preference | undefined;
}

/** By view, hostname, the subset's name, and port. */
const subsetAt = step('subset at a port', (read, key): SubsetAt => {
  const { viewKey, view, parts } = viewAndParts(read, key);
  const [hostname = '', name = '', port = ''] = parts;
  const service = read.of(scopedService, inView(viewKey, hostname));
  if (service === undefined) return { labels: {}, preference: undefined };
  const policyKey = hostPolicyKey(view.namespace, hostname, service.namespace, view.labels);
  const { policy, subsets } = read.of(hostPolicy, policyKey);
  const subset = name === '' ? undefined : subsets.find((one) => one.name === name);
  const ofPort = policyOfPort(policy, subset?.policy, Number(port));
  return {
    labels: subset?.labels ?? {},
    preference: preferenceOf(view, service, ofPort, read.of(meshSettings, '')),
  };
});
