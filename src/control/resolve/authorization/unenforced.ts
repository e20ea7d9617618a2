import type { AuthorizationPolicy } from '../../../mesh/authorization.ts';
import type { Origin } from '../../../mesh/origin.ts';
import type { Workload } from '../../../mesh/workload.ts';
import type { Finding } from '../finding.ts';
import { subjectKey } from '../policy-attachment.ts';
import { workloads } from '../workloads.ts';
import { listOf, partsOf, type Read, step } from '../world.ts';
import { authorization } from './policies.ts';

// Policies about requests at workloads that no proxy stands before. Nobody could tell there what they allow, so proxies of
// the mesh send nothing to such a workload: they fail closed, and the policy's status says so. With the annotation
// `weft.dev/without-proxy: ignore` a policy is content not to hold there, as in Istio.

/** Policies that hold at a workload and only a proxy before it could enforce, by the key of `subjectKey`. */
const aboutRequests = step('policies about requests', (read, key): readonly AuthorizationPolicy[] => {
  const { deny, allow, custom } = read.of(authorization, key);
  return [...deny, ...allow, ...custom].filter(isAboutRequests);
});

function isAboutRequests({ observe, action, ignoredWithoutProxy, rules }: AuthorizationPolicy): boolean {
  if (observe || ignoredWithoutProxy === true) return false;
  // Who is asked is asked about requests.
  if (action === 'custom') return rules.length > 0;
  return rules.some(({ sources, operations, conditions }) =>
    [...sources, ...operations, conditions].some((tests) =>
      tests.some(({ attribute }) => attribute.startsWith('request.')),
    ),
  );
}

/** The policies that nobody can enforce at a workload; empty for one with a proxy. */
export function unenforcedAt(read: Read, workload: Workload): readonly AuthorizationPolicy[] {
  const { dataPlane, gateway, namespace, labels } = workload;
  if (dataPlane !== 'none' || gateway) return NOTHING;
  return read.of(aboutRequests, subjectKey({ namespace, labels }));
}

const KIND = 'security.istio.io/AuthorizationPolicy';
const NOBODY: readonly string[] = [];
const NOTHING: readonly AuthorizationPolicy[] = [];

/** `NAMESPACE/WORKLOAD` of those without a proxy, by the policy that cannot be enforced there. */
const unenforced = step('unenforced policies', (read): ReadonlyMap<string, readonly string[]> => {
  if (listOf(read, KIND).length === 0) return new Map();
  const found = new Map<string, Set<string>>();
  for (const workload of read.of(workloads, ''))
    for (const { origin } of unenforcedAt(read, workload)) {
      const name = nameOf(origin);
      const at = found.get(name) ?? new Set();
      found.set(name, at.add(`${workload.namespace}/${workload.owner}`));
    }
  return new Map([...found].map(([name, at]) => [name, [...at].sort()]));
});

/** Addresses of workloads that nothing is sent to. Several share a loopback address, which is nobody's alone. */
export const closedAddresses = step('addresses of unprotected workloads', (read): readonly string[] => {
  if (listOf(read, KIND).length === 0) return NOBODY;
  const closed = read
    .of(workloads, '')
    .filter((workload) => workload.explicit === undefined && unenforcedAt(read, workload).length > 0);
  return [...new Set(closed.flatMap(({ ips }) => ips))].sort();
});

function nameOf({ namespace, name }: Pick<Origin, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** Most workloads that one sentence names. */
const MAX_NAMED = 5;

/** Where a policy cannot be enforced, by namespace and name. */
export const unenforcedFindings = step(
  'where policies cannot be enforced',
  (read, key): readonly Finding[] => {
    const [namespace = '', name = ''] = partsOf(key);
    const at = read.of(unenforced, '').get(nameOf({ namespace, name })) ?? [];
    if (at.length === 0) return [];
    const more = at.length > MAX_NAMED ? ` and ${at.length - MAX_NAMED} more` : '';
    const where = `${at.slice(0, MAX_NAMED).join(', ')}${more}`;
    return [
      {
        origin: { group: 'security.istio.io', kind: 'AuthorizationPolicy', namespace, name },
        field: '',
        message: `looks at requests, and no proxy stands before ${where}: proxies of the mesh send nothing there (503), and clients without a proxy are not kept out; give it a sidecar, or let the policy not hold there with the annotation weft.dev/without-proxy: ignore`,
      },
    ];
  },
);
