import type { X509Certificate } from 'node:crypto';
import { lifeOf } from '../../ca/rotation/expiry.ts';
import type { Rotation } from '../../ca/rotation/rotation.ts';
import type { CaCertificate, CaReport } from '../../server/contract.ts';
import { trustBundlePem } from '../../wire/identity/trust-bundle.ts';

/** The CA as `weft ca status` and the dashboard show it. */
export function caReport(rotation: Rotation, nowMs: number): CaReport {
  const { trustDomain, trustDomainAliases, signer, bundle } = rotation.authority();
  const { state, progress, warnings, problems } = rotation.report();
  const { phase, origin, sinceMs, startedAtMs } = state;
  const leaves = rotation.ledger.outstanding();
  return {
    nowMs,
    trustDomain,
    trustDomainAliases,
    origin,
    phase,
    sinceMs,
    ...(startedAtMs !== undefined && { startedAtMs }),
    progress,
    signer: certificateOf(signer.certificate),
    roots: bundle.anchors.map(({ certificate }) => certificateOf(certificate)),
    leaves: {
      total: leaves.length,
      ofSigner: leaves.filter(({ issuer }) => issuer === state.signer).length,
    },
    warnings,
    problems,
    bundlePem: trustBundlePem(bundle),
  };
}

function certificateOf(certificate: X509Certificate): CaCertificate {
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    fingerprint: certificate.fingerprint256,
    ...lifeOf(certificate),
  };
}
