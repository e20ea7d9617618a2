import type { Report } from '../../report.ts';

/** Most entries that the API allows: a cluster refuses objects with more (maxItems and maxProperties of its CRDs). */
const LIMITS = {
  parentRefs: 32,
  hostnames: 16,
  rules: 16,
  matches: 64,
  filters: 16,
  backendRefs: 16,
  headers: 16,
  queryParams: 16,
  set: 16,
  add: 16,
  remove: 16,
  allowOrigins: 64,
  allowHeaders: 64,
  exposeHeaders: 64,
  listeners: 64,
  addresses: 16,
  certificateRefs: 64,
  kinds: 8,
  labels: 8,
  annotations: 8,
  options: 16,
  perPort: 64,
  caCertificateRefs: 8,
  subjectAltNames: 5,
  targetRefs: 16,
  from: 16,
  to: 16,
} as const;

/** Lists and maps of a message that are longer than the API allows, among the fields that are named. */
export function checkLimits<K extends keyof typeof LIMITS>(
  message: { readonly [field in K]?: object | undefined },
  fields: readonly K[],
  report: Report,
): void {
  for (const field of fields) {
    const value = message[field];
    const count = value === undefined ? 0 : Object.keys(value).length;
    if (count > LIMITS[field])
      report.error(field, `there are ${count} ${field}; at most ${LIMITS[field]} are possible`);
  }
}

/** Names of rules, each once in its route. */
export function checkRuleNames(rules: readonly { readonly name?: string }[], report: Report): void {
  const seen = new Set<string>();
  for (const [i, { name }] of rules.entries()) {
    if (name === undefined) continue;
    if (seen.has(name)) report.error(['rules', i, 'name'], `there is already a rule "${name}"`);
    seen.add(name);
  }
}
