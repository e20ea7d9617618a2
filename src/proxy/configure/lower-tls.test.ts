import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTestCa, makeTestLeaf } from '../../testing/certificates.ts';
import type { TlsPeer } from '../../wire/connection.ts';
import { network } from '../../wire/net.ts';
import type { CertificateValidationContext } from '../../xds/tls-types.ts';
import { applySecret } from './lower-secret.ts';
import { lowerCommonTls } from './lower-tls.ts';
import { createSecrets, type Secrets } from './secrets.ts';

let peer: TlsPeer;
let certificate: X509Certificate;
let rootsPem: string;
beforeAll(async () => {
  const ca = await makeTestCa();
  const leaf = await makeTestLeaf(ca, 'default', 'reviews');
  rootsPem = ca.rootsPem;
  certificate = new X509Certificate(leaf.chainPem);
  const uris = ['spiffe://cluster.local/ns/default/sa/reviews'];
  peer = { certificate: certificate.raw, uris, dnsNames: [], chainError: '' };
});

const environmentWith = (secrets: Secrets) => ({
  secrets,
  createContext: network.createTlsContext,
  readFile: () => '',
  nowMs: Date.now,
});

/** What the rules say of the peer, and what of them is refused. */
function lower(validation_context: CertificateValidationContext): {
  said: string | undefined;
  validated: boolean;
  refused: string[];
} {
  const refused: string[] = [];
  const environment = environmentWith(createSecrets());
  const tls = lowerCommonTls({ validation_context }, 'tls', environment, 'client', (field) =>
    refused.push(field),
  );
  const said = refused.length === 0 ? tls.judge(peer, true) : undefined;
  return { said, validated: tls.validated(peer), refused };
}

const judge = (rules: CertificateValidationContext) =>
  lower({ trusted_ca: { inline_string: rootsPem }, ...rules });

/** What is said of the peer where the rules come with the roots, in a secret. */
function secret(rules: CertificateValidationContext): string | undefined {
  const secrets = createSecrets();
  const environment = environmentWith(secrets);
  const context = { validation_context_sds_secret_config: { name: 'roots' } };
  const tls = lowerCommonTls(context, 'tls', environment, 'client', (field) => expect.fail(field));
  expect(tls.ready()).toBe(false);
  const message = { validation_context: { trusted_ca: { inline_string: rootsPem }, ...rules } };
  const applied = applySecret(message, 'roots', environment);
  if (applied.ok) applied.value();
  return tls.judge(peer, true);
}

describe('certificates of our own', () => {
  it('are refused where two have the same kind of key: only one of them would ever be shown', () => {
    const one = {
      certificate_chain: { inline_string: certificate.toString() },
      private_key: { inline_string: '' },
    };
    const refused: string[] = [];
    const context = { tls_certificates: [one, one] };
    lowerCommonTls(context, 'tls', environmentWith(createSecrets()), 'client', (field) =>
      refused.push(field),
    );
    expect(refused).toEqual(['tls.tls_certificates']);
  });
});

describe('rules for a peer', () => {
  it('pin its certificate or its key, either being enough', () => {
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    const key = createHash('sha256').update(spki).digest('base64');
    const hash = certificate.fingerprint256;
    expect(judge({ verify_certificate_spki: [key] }).said).toBeUndefined();
    expect(judge({ verify_certificate_hash: [hash] }).said).toBeUndefined();
    const other = Buffer.alloc(32).toString('base64');
    expect(judge({ verify_certificate_hash: [hash], verify_certificate_spki: [other] }).said).toBeUndefined();
    expect(judge({ verify_certificate_spki: [other] }).said).toContain('none of the expected hashes');
  });

  it('about names of a kind that is not looked at are refused, not matched against others', () => {
    const matcher = { prefix: 'spiffe://cluster.local/' };
    const field = 'tls.validation_context.match_typed_subject_alt_names[0].san_type';
    expect(judge({ match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] })).toMatchObject({
      refused: [],
    });
    expect(judge({ match_typed_subject_alt_names: [{ san_type: 'DNS', matcher }] }).said).toContain(
      'not who may',
    );
    for (const san_type of ['EMAIL', 'IP_ADDRESS'] as const)
      expect(judge({ match_typed_subject_alt_names: [{ san_type, matcher }] }).said).toContain('not who may');
    expect(judge({ match_typed_subject_alt_names: [{ san_type: 'OTHER_NAME', matcher }] }).refused).toEqual([
      field,
    ]);
    expect(judge({ match_typed_subject_alt_names: [{ matcher }] }).refused).toEqual([field]);
  });

  it('without roots go by hashes alone; names are refused there, as anybody could show them', () => {
    const none = { trusted_ca: {} } as CertificateValidationContext;
    const matcher = { exact: 'spiffe://cluster.local/ns/default/sa/reviews' };
    const { trusted_ca: _ca, ...rootless } = none;
    expect(
      lower({ ...rootless, verify_certificate_hash: [certificate.fingerprint256] }).said,
    ).toBeUndefined();
    const other = '00'.repeat(32);
    expect(lower({ ...rootless, verify_certificate_hash: [other] }).said).toContain('none of the expected');
    const named = lower({ match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] });
    expect(named.refused).toEqual(['tls.validation_context']);
  });

  it('that SDS brings count beside those of the listener', () => {
    const matcher = { exact: 'spiffe://cluster.local/ns/default/sa/ratings' };
    const pinned = { verify_certificate_hash: ['00'.repeat(32)] };
    const named = { match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] } as const;
    expect(secret({})).toBeUndefined();
    expect(secret(pinned)).toContain('none of the expected');
    expect(secret(named)).toContain('not who may be there');
  });

  it('let in whom they do not trust where they say so, as long as a certificate is shown', () => {
    const wrong = { verify_certificate_hash: ['00'.repeat(32)] };
    expect(judge(wrong).said).toContain('none of the expected');
    const any = { trust_chain_verification: 'ACCEPT_UNTRUSTED' } as const;
    expect(judge({ ...wrong, ...any })).toMatchObject({ said: undefined, validated: false });
    expect(judge(any)).toMatchObject({ said: undefined, validated: true });
    // Nothing to hold it against: it was shown, and that is all.
    expect(lower({})).toMatchObject({ said: undefined, validated: false });
  });
});
