import { describe, expect, it } from 'vitest';
import type { CaReport } from '../server/contract.ts';
import { makeTestCa } from '../testing/certificates.ts';
import { spiffeBundle } from './ca-export.ts';
import { caText } from './ca-status.ts';

const signer = {
  subject: 'O=cluster.local',
  fingerprint: 'AA:BB:CC:DD:EE:FF:00:11:22',
  notBeforeMs: 0,
  notAfterMs: Date.UTC(2036, 0, 1),
};
const report: CaReport = {
  nowMs: 12_000,
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  origin: 'own',
  phase: 'stable',
  sinceMs: 0,
  progress: { done: 0, of: 0, missing: [] },
  signer,
  roots: [signer],
  leaves: { total: 6, ofSigner: 6 },
  warnings: [],
  problems: [],
  bundlePem: '',
};

describe('weft ca status', () => {
  it('shows who signs, what is trusted, and no rotation', () => {
    expect(caText(report)).toBe(`The CA of cluster.local is made by weft.
            CERTIFICATE      FINGERPRINT              UNTIL
signs       O=cluster.local  AA:BB:CC:DD:EE:FF:00:11  2036-01-01T00:00:00
is trusted  O=cluster.local  AA:BB:CC:DD:EE:FF:00:11  2036-01-01T00:00:00
6 certificates of workloads are out, 6 of this signer.
No rotation is under way.
`);
  });

  it('shows how far a rotation is, and whom it waits for', () => {
    const missing = [{ name: 'web-1.default', why: 'is not connected' }];
    const text = caText({ ...report, phase: 'distribute', progress: { done: 5, of: 6, missing } });
    expect(text).toContain(
      'Rotation: distribute for 12s, 5 of 6. Missing:\n  web-1.default is not connected\n',
    );
  });
});

describe('weft ca export', () => {
  it('makes a SPIFFE bundle of the roots', async () => {
    const { rootsPem, issuer } = await makeTestCa();
    const { keys } = JSON.parse(spiffeBundle(rootsPem));
    expect(keys).toEqual([
      {
        use: 'x509-svid',
        kty: 'EC',
        crv: 'P-256',
        x: expect.any(String),
        y: expect.any(String),
        x5c: [issuer.certificate.raw.toString('base64')],
      },
    ]);
  });
});
