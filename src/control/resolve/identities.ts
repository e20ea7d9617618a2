import { endpoints } from './endpoints.ts';
import { meshSettings } from './mesh-settings.ts';
import { serviceByKey } from './services.ts';
import { step } from './world.ts';

/**
 * SPIFFE ids that a service's workloads have, sorted, by the service's key. A step of its own: endpoints come and go,
 * their identities hardly ever change.
 */
export const identities = step('identities', (read, key): readonly string[] => {
  const { trustDomain, trustDomainAliases } = read.of(meshSettings, '');
  const ids = new Set(read.of(serviceByKey, key)?.subjectAltNames ?? []);
  for (const { mtls, namespace, serviceAccount } of read.of(endpoints, key)) {
    if (!mtls || serviceAccount === '') continue;
    for (const domain of [trustDomain, ...trustDomainAliases])
      ids.add(`spiffe://${domain}/ns/${namespace}/sa/${serviceAccount}`);
  }
  return [...ids].sort();
});

/** Whether every endpoint of a service takes mutual TLS; false where there are none. For calls that cannot choose. */
export const allMutual = step('all endpoints mutual', (read, key): boolean => {
  const all = read.of(endpoints, key);
  return all.length > 0 && all.every(({ mtls }) => mtls);
});
