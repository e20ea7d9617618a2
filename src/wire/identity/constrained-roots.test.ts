import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestCa, makeTestLeaf, type TestCa } from '../../testing/certificates.ts';
import { openssl, opensslMissing, temporaryFolder } from '../../testing/openssl.ts';
import { ConstrainedRootError, constrainedRootsPem } from './constrained-roots.ts';
import { type TrustAnchor, trustBundleFromPem } from './trust-bundle.ts';

const anchorsOf = (ca: TestCa, ...trustDomains: readonly string[]): readonly TrustAnchor[] =>
  trustBundleFromPem(ca.rootsPem, trustDomains).anchors;

/** What OpenSSL says of a leaf with a URI below a CA, when these roots are all that it knows. */
async function verdict(rootsPem: string, ca: TestCa, uri: string): Promise<string> {
  using folder = temporaryFolder();
  const { certificate } = await makeTestLeaf(ca, '', '', { uris: [uri] });
  const files = { 'roots.pem': rootsPem, 'leaf.pem': certificate.toString() };
  const between = ca.issuer.intermediates.map((one) => one.toString()).join('');
  for (const [name, text] of Object.entries({ ...files, 'between.pem': between }))
    writeFileSync(join(folder.path, name), text);
  const chain = between === '' ? [] : ['-untrusted', 'between.pem'];
  const { ok, text } = openssl(['verify', '-CAfile', 'roots.pem', ...chain, 'leaf.pem'], {
    cwd: folder.path,
  });
  return ok ? 'ok' : (/error \d+ at .*?: (.*)/.exec(text)?.[1] ?? text);
}

describe('Roots of several trust domains', () => {
  it.skipIf(opensslMissing).each([false, true])(
    'vouch for their own trust domain alone, to OpenSSL (by an intermediate: %s)',
    async (intermediate) => {
      const one = await makeTestCa('one.example', { intermediate });
      const two = await makeTestCa('two.example', { intermediate });
      const pem = constrainedRootsPem([
        ...anchorsOf(one, 'one.example', 'old.example'),
        ...anchorsOf(two, 'two.example'),
      ]);
      expect(await verdict(pem, one, 'spiffe://one.example/ns/a/sa/b')).toBe('ok');
      expect(await verdict(pem, one, 'spiffe://old.example/ns/a/sa/b')).toBe('ok');
      expect(await verdict(pem, two, 'spiffe://two.example/ns/a/sa/b')).toBe('ok');
      for (const [ca, domain] of [
        [one, 'two.example'],
        [two, 'one.example'],
        [two, 'sub.two.example'],
        [two, 'example'],
      ] as const)
        expect(await verdict(pem, ca, `spiffe://${domain}/ns/a/sa/b`)).toBe('permitted subtree violation');
      const stranger = await makeTestCa('two.example', { intermediate });
      expect(await verdict(pem, stranger, 'spiffe://two.example/ns/a/sa/b')).not.toBe('ok');
    },
  );

  it.skipIf(opensslMissing)('that share a root: it speaks for both', async () => {
    const ca = await makeTestCa('one.example');
    const pem = constrainedRootsPem([...anchorsOf(ca, 'one.example'), ...anchorsOf(ca, 'two.example')]);
    expect(pem.split('BEGIN CERTIFICATE')).toHaveLength(2);
    expect(await verdict(pem, ca, 'spiffe://one.example/ns/a/sa/b')).toBe('ok');
    expect(await verdict(pem, ca, 'spiffe://two.example/ns/a/sa/b')).toBe('ok');
  });

  it('are refused where one could pass for another, or cannot be limited', async () => {
    using folder = temporaryFolder();
    const make = (name: string, ...extensions: readonly string[]): TrustAnchor => {
      const extra = extensions.flatMap((one) => ['-addext', one]);
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem'];
      const made = openssl(['req', '-x509', ...key, '-subj', '/CN=root', '-out', name, ...extra], {
        cwd: folder.path,
      });
      expect(made.ok, made.text).toBe(true);
      const [anchor] = trustBundleFromPem(openssl(['x509', '-in', name], { cwd: folder.path }).text, [
        name,
      ]).anchors;
      return anchor!;
    };
    const same = 'subjectKeyIdentifier=0102030405';
    const first = make('first', same);
    expect(() => constrainedRootsPem([first, make('second', same)])).toThrow(ConstrainedRootError);
    // One name, but keys that say who they are.
    expect(() => constrainedRootsPem([first, make('third')])).not.toThrow();
    expect(() => constrainedRootsPem([make('limited', 'nameConstraints=permitted;URI:.x')])).toThrow(
      'name constraints',
    );
  });
});
