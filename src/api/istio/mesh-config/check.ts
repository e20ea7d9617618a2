import { checkDuration, checkDurationSyntax, durationMs } from '../../check/duration.ts';
import { isDnsLabel, wildcardHostProblem } from '../../check/host.ts';
import type { Report } from '../../report.ts';
import { checkConnectionPool } from '../shared/connection-pool.ts';
import { checkHttpRetry } from '../shared/http-retry.ts';
import { checkLocalityLb, checkZoneAwareLb } from '../shared/locality.ts';
import { checkOutlierDetection } from '../shared/outlier-detection.ts';
import { checkProxyDefaults } from './check-proxy-defaults.ts';
import type { WrittenMeshConfig } from './schema.ts';

/** Times, names and ports, and the settings that are DestinationRules' and VirtualServices' too. */
export function checkMeshConfig(mesh: WrittenMeshConfig, report: Report): void {
  checkConnectTimeout(mesh.connectTimeout, report);
  checkDurationSyntax(mesh.protocolDetectionTimeout, report, 'protocolDetectionTimeout');
  checkDuration(mesh.dnsRefreshRate, report, 'dnsRefreshRate');
  checkDuration(mesh.hboneIdleTimeout, report, 'hboneIdleTimeout');
  checkTrustDomain(mesh.trustDomain, report, ['trustDomain']);
  for (const [i, alias] of (mesh.trustDomainAliases ?? []).entries())
    checkTrustDomain(alias, report, ['trustDomainAliases', i]);
  checkCaCertificates(mesh.caCertificates ?? [], report);
  if (mesh.rootNamespace !== undefined && !isDnsLabel(mesh.rootNamespace))
    report.error('rootNamespace', `"${mesh.rootNamespace}" is not a namespace; use letters, digits and "-"`);
  checkLocalityLb(mesh.localityLbSetting, true, report.at('localityLbSetting'));
  checkZoneAwareLb(mesh.zoneAwareLbSetting, true, report.at('zoneAwareLbSetting'));
  checkHttpRetry(mesh.defaultHttpRetryPolicy, report.at('defaultHttpRetryPolicy'));
  const policy = report.at('defaultTrafficPolicy');
  checkConnectionPool(mesh.defaultTrafficPolicy?.connectionPool, policy.at('connectionPool'));
  checkOutlierDetection(mesh.defaultTrafficPolicy?.outlierDetection, policy.at('outlierDetection'));
  checkLists(mesh, report);
  checkProxyDefaults(mesh.defaultConfig ?? {}, report.at('defaultConfig'));
  warnWithoutEffect(mesh, report);
}

/** Settings that Istio knows and weft does nothing with: silence would look like consent. */
function warnWithoutEffect(mesh: WrittenMeshConfig, report: Report): void {
  const { serviceEntryVisibility, verifyCertificateAtClient } = mesh;
  const settings: readonly (readonly [string, unknown])[] = [
    ['serviceEntryVisibility', serviceEntryVisibility],
    ['verifyCertificateAtClient', verifyCertificateAtClient],
  ];
  for (const [field, value] of settings)
    if (value !== undefined) report.warn(field, 'has no effect: weft does nothing with this setting');
}

const MAX_CONNECT_TIMEOUT_MS = 30_000;

function checkConnectTimeout(timeout: string | undefined, report: Report): void {
  checkDuration(timeout, report, 'connectTimeout');
  if (timeout !== undefined && durationMs(timeout) > MAX_CONNECT_TIMEOUT_MS)
    report.error('connectTimeout', `${timeout} is too long to wait for a connection; at most 30s`);
}

/** A trust domain is the host part of a SPIFFE ID (SPIFFE-ID, 2.1), in the form of a DNS name. */
function checkTrustDomain(
  domain: string | undefined,
  report: Report,
  steps: readonly (string | number)[],
): void {
  if (domain === undefined) return;
  const labels = domain.replace(/\.$/, '').split('.');
  if (!labels.every(isDnsLabel))
    report.error(steps, `"${domain}" is not a trust domain; write it like a host name: cluster.local`);
}

const CERTIFICATES = /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/;

/** Roots of the mesh, or of the trust domains that they name. */
function checkCaCertificates(list: NonNullable<WrittenMeshConfig['caCertificates']>, report: Report): void {
  for (const [i, { pem, spiffeBundleUrl, certSigners, trustDomains = [] }] of list.entries()) {
    const at = ['caCertificates', i] as const;
    for (const [j, domain] of trustDomains.entries())
      checkTrustDomain(domain, report, [...at, 'trustDomains', j]);
    if (pem !== undefined && pem !== '' && !CERTIFICATES.test(pem))
      report.error([...at, 'pem'], 'is no list of certificates in PEM');
    for (const [name, value] of Object.entries({ spiffeBundleUrl, certSigners }))
      if (value !== undefined)
        report.warn([...at, name], 'has no effect: weft takes roots from "pem", for all signers');
  }
}

function checkLists(mesh: WrittenMeshConfig, report: Report): void {
  for (const [i, { hosts = [] }] of (mesh.serviceSettings ?? []).entries())
    for (const [j, host] of hosts.entries()) {
      const problem = wildcardHostProblem(host);
      if (problem !== undefined) report.error(['serviceSettings', i, 'hosts', j], problem);
    }
  const names = new Set<string>();
  for (const [i, provider] of (mesh.extensionProviders ?? []).entries()) {
    const at = report.at('extensionProviders', i);
    if (names.has(provider.name)) at.error('name', `there is already a provider named "${provider.name}"`);
    if (provider.name === '') at.error('name', 'the name of the provider is missing');
    if (Object.keys(provider).length !== 2)
      at.warn(
        [],
        `provider "${provider.name}" needs exactly one field that says what it is, such as zipkin or envoyFileAccessLog`,
      );
    names.add(provider.name);
  }
}
