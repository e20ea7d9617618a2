import type { AttributeTest, SourceAttribute } from '../../../mesh/authorization.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import type { RbacPrincipal, StringMatcher } from '../../../xds/resources.ts';
import { claimTest, requestPrincipalTest } from './claims.ts';
import { cidrRange, headerTest, quoted, quotedWildcard, textMatcher } from './text.ts';

// Who sends, in Envoy's words. Identities are SPIFFE ids: spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT.

const SCHEME = 'spiffe://';

/** How one value of an attribute of the source is tested, undefined for attributes that are not the source's. */
export function principalOf(
  { attribute, path }: AttributeTest,
  value: string,
  settings: TrustDomains,
): readonly RbacPrincipal[] {
  return SOURCE[attribute as SourceAttribute](value, path, settings);
}

/** Attributes of the source that only HTTP requests have. */
const OF_REQUESTS: ReadonlySet<string> = new Set<SourceAttribute>([
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'request.auth.claims',
  'request.headers',
]);

/** Attributes that the certificate of the peer tells. */
const OF_CERTIFICATES: ReadonlySet<string> = new Set<SourceAttribute>([
  'source.principal',
  'source.namespace',
  'source.serviceAccount',
  'source.trustDomain',
]);

/** Whether the attribute is as true as the certificate that the peer shows. */
export function isIdentity(attribute: string): boolean {
  return OF_CERTIFICATES.has(attribute);
}

/** Whether mere connections have the attribute too. */
export function isOfConnections(attribute: string): boolean {
  return !OF_REQUESTS.has(attribute);
}

export function isSourceAttribute(attribute: string): boolean {
  return Object.hasOwn(SOURCE, attribute);
}

type Test = (value: string, path: readonly string[], settings: TrustDomains) => readonly RbacPrincipal[];

const SOURCE: Readonly<Record<SourceAttribute, Test>> = {
  'source.principal': (value, _, settings) =>
    inAllDomains(value, settings).map((id) => identity(idMatcher(id))),
  'source.namespace': (value) => [
    idRegex(`${SCHEME}[^/]+/ns/${quotedWildcard(value).replaceAll('.*', '[^/]*')}/.*`),
  ],
  'source.serviceAccount': (value) => {
    const [namespace = '', account = ''] = value.split('/');
    return [idRegex(`${SCHEME}[^/]+/ns/${quoted(namespace)}/sa/${quoted(account)}`)];
  },
  'source.trustDomain': (value, _, settings) =>
    namesOf(value, settings).map((domain) =>
      idRegex(`${SCHEME}${quotedWildcard(domain).replaceAll('.*', '[^/]*')}/.*`),
    ),
  'source.ip': (value) => [{ direct_remote_ip: cidrRange(value) }],
  'remote.ip': (value) => [{ remote_ip: cidrRange(value) }],
  'request.auth.principal': (value) => [requestPrincipalTest(value)],
  'request.auth.audiences': (value) => [claimTest(['aud'], value)],
  'request.auth.presenter': (value) => [claimTest(['azp'], value)],
  'request.auth.claims': (value, path) => [claimTest(path, value)],
  'request.headers': (value, [name = '']) => [{ header: headerTest(name, value) }],
};

function identity(principal_name: StringMatcher): RbacPrincipal {
  return { authenticated: { principal_name } };
}

function idRegex(regex: string): RbacPrincipal {
  return identity({ safe_regex: { regex } });
}

/** `cluster.local/ns/default/sa/a` as policies write it, with `*` at an end. */
function idMatcher(text: string): StringMatcher {
  if (text === '*') return { safe_regex: { regex: '.+' } };
  if (text.startsWith('*')) return { safe_regex: { regex: `${SCHEME}.*${quoted(text.slice(1))}` } };
  return textMatcher(`${SCHEME}${text}`);
}

type TrustDomains = Pick<MeshSettings, 'trustDomain' | 'trustDomainAliases'>;

/**
 * A name of the mesh's own trust domain is meant in all of the mesh's: its identities may still, or already, have
 * another of them. `cluster.local` stands for the mesh's own whatever that is called. `*.example/ns/..` stays, and where
 * it matches one of the mesh's own it means the others too (Istio).
 */
function inAllDomains(text: string, { trustDomain, trustDomainAliases }: TrustDomains): readonly string[] {
  const slash = text.indexOf('/');
  const domain = text.slice(0, slash);
  const domains = [trustDomain, ...trustDomainAliases];
  if (slash < 0 || !isOneOf(domain, domains)) return [text];
  const rest = text.slice(slash);
  const named = domains.map((other) => (matches(domain, other) ? domain : other));
  return [...new Set(named)].map((other) => `${other}${rest}`);
}

/** One of the names of the mesh's own trust domain stands for all of them. */
function namesOf(domain: string, { trustDomain, trustDomainAliases }: TrustDomains): readonly string[] {
  const domains = [trustDomain, ...trustDomainAliases];
  return domains.includes(domain) ? domains : [domain];
}

function isOneOf(domain: string, domains: readonly string[]): boolean {
  return domain === 'cluster.local' || domains.some((one) => matches(domain, one));
}

/** Whether `*SUFFIX` is one of the trust domain's names. `*` alone is any of everybody's, and means nothing particular. */
function matches(pattern: string, domain: string): boolean {
  if (pattern.length > 1 && pattern.startsWith('*')) return domain.endsWith(pattern.slice(1));
  return pattern === domain;
}
