import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openTokenIssuer } from '../../src/ca/token-issuer.ts';
import { createCertificate } from '../../src/testing/ca-client.ts';
import { openssl, opensslMissing, temporaryFolder } from '../../src/testing/openssl.ts';
import { makeKeyAndRequest } from '../../src/wire/identity/csr.ts';

// The user's own CA, made by openssl and brought as files in the layout of the Secret `cacerts`: `weft ca` signs with it,
// and openssl verifies what comes out and the port that it comes out of.

const cli = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ID = 'spiffe://prod.example/ns/default/sa/web';

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

const KEYS = {
  'ECDSA P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'RSA 2048': ['-newkey', 'rsa:2048'],
  Ed25519: ['-newkey', 'ed25519'],
};

describe.skipIf(opensslMissing !== undefined)("The user's own CA", () => {
  it.each(Object.entries(KEYS))(
    'with keys of %s signs what openssl verifies',
    async (_, newKey) => {
      using folder = temporaryFolder();
      const at = folder.path;
      const run = (...args: readonly string[]): string => {
        const { ok, text } = openssl(args, { cwd: at });
        if (!ok) throw new Error(`openssl ${args.join(' ')}: ${text}`);
        return text;
      };
      makeCacerts(at, newKey, run);
      const tokens = await openTokenIssuer(join(at, 'tokens'), Date.now);
      writeFileSync(join(at, 'jwks.json'), tokens.jwks);
      const port = await serve(at);
      const roots = run('x509', '-in', 'cacerts/root-cert.pem');

      const order = { namespace: 'default', serviceAccount: 'web', pod: 'web-1', audience: 'istio-ca' };
      const { csrPem, privateKeyPem } = makeKeyAndRequest(ID);
      const chain = await createCertificate({
        port,
        rootsPem: roots,
        csr: csrPem,
        token: await tokens.issueToken({ ...order, ttlSeconds: 600 }),
      });
      const [leaf = '', between = '', bundle = ''] = chain;
      for (const [name, text] of Object.entries({ leaf, between, bundle, key: privateKeyPem }))
        writeFileSync(join(at, `${name}.pem`), text);
      const path = ['-x509_strict', '-CAfile', 'bundle.pem', '-untrusted', 'between.pem', 'leaf.pem'];
      for (const purpose of ['sslclient', 'sslserver'])
        expect(run('verify', '-purpose', purpose, ...path)).toContain('leaf.pem: OK');
      // Not without the intermediate, and not by another purpose.
      expect(openssl(['verify', '-CAfile', 'bundle.pem', 'leaf.pem'], { cwd: at }).ok).toBe(false);
      expect(openssl(['verify', '-purpose', 'smimesign', ...path], { cwd: at }).ok).toBe(false);

      const text = run('x509', '-in', 'leaf.pem', '-noout', '-text');
      expect(text).toMatch(
        /Subject Alternative Name: critical\s+URI:spiffe:\/\/prod\.example\/ns\/default\/sa\/web\s/,
      );
      expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
      expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment\s/);
      expect(text).toMatch(
        /Extended Key Usage:\s+TLS Web Server Authentication, TLS Web Client Authentication\s/,
      );
      expect(text).toMatch(/Public Key Algorithm: id-ecPublicKey[\s\S]*NIST CURVE: P-256/);
      // A minute in the past, for whoever's clock is behind.
      const startMs = Date.parse(
        /notBefore=(.*)/.exec(run('x509', '-in', 'leaf.pem', '-noout', '-startdate'))?.[1] ?? '',
      );
      expect(Date.now() - startMs).toBeGreaterThanOrEqual(60_000);
      expect(Date.now() - startMs).toBeLessThan(180_000);
      expect(run('x509', '-in', 'between.pem', '-noout', '-text')).toContain('CA:TRUE, pathlen:0');
      expect(run('pkey', '-in', 'key.pem', '-noout', '-text')).toContain('P-256');

      // Its own port: TLS 1.3 by a certificate of the same CA, and by nothing older.
      const ask = [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-servername',
        'istiod.istio-system.svc',
        '-alpn',
        'h2',
      ];
      const strictly = [
        '-verify_return_error',
        '-verify_hostname',
        'istiod.istio-system.svc',
        '-CAfile',
        'cacerts/root-cert.pem',
      ];
      const said = openssl([...ask, ...strictly], { cwd: at }).text;
      expect(said).toMatch(/Verif(y return code|ication): (0 \(ok\)|OK)/);
      expect(said).toContain('TLSv1.3');
      expect(openssl([...ask, ...strictly, '-tls1_2'], { cwd: at }).ok).toBe(false);
    },
    60_000,
  );
});

/** A root and an intermediate below it, as openssl makes them. */
function makeCacerts(at: string, newKey: readonly string[], run: (...args: string[]) => string): void {
  mkdirSync(join(at, 'cacerts'));
  const files = ['-nodes', '-keyout'];
  const ca = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  run(
    'req',
    '-x509',
    ...newKey,
    ...files,
    'root.key',
    '-subj',
    '/O=Example/CN=root',
    '-days',
    '30',
    '-out',
    'cacerts/root-cert.pem',
    ...ca,
  );
  run(
    'req',
    '-new',
    ...newKey,
    ...files,
    'cacerts/ca-key.pem',
    '-subj',
    '/O=Example/CN=mesh',
    '-out',
    'ca.csr',
  );
  const extensions =
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n';
  writeFileSync(join(at, 'ext'), extensions);
  run(
    'x509',
    '-req',
    '-in',
    'ca.csr',
    '-CA',
    'cacerts/root-cert.pem',
    '-CAkey',
    'root.key',
    '-CAcreateserial',
    '-days',
    '20',
    '-extfile',
    'ext',
    '-out',
    'cacerts/ca-cert.pem',
  );
  const chain = run('x509', '-in', 'cacerts/ca-cert.pem') + run('x509', '-in', 'cacerts/root-cert.pem');
  writeFileSync(join(at, 'cacerts', 'cert-chain.pem'), chain);
}

/** `weft ca` as a user starts it; its port. */
async function serve(at: string): Promise<number> {
  const flags = [
    '--key-dir',
    'ca',
    '--cacerts',
    'cacerts',
    '--token-jwks',
    'jwks.json',
    '--trust-domain',
    'prod.example',
  ];
  const started = spawn(process.execPath, [cli, 'ca', ...flags, '--listen', '127.0.0.1:0'], {
    cwd: at,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  return new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (bytes: Buffer) => {
        said += bytes;
        const port = /serves on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (port !== undefined) resolve(Number(port));
      });
    started.on('exit', () => reject(new Error(said)));
  });
}
