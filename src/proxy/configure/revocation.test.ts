import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openssl, opensslMissing, temporaryFolder } from '../../testing/openssl.ts';
import { call, closePlanes, greeter, pem, proxyTo, type ShownLeaf, shows } from '../test-tls-proxy.ts';

afterEach(closePlanes);

const CONFIG = `
[ca]
default_ca = test
[test]
dir = .
database = index.txt
default_md = sha256
default_crl_days = 1
certificate = ca.pem
private_key = ca.key
[req]
distinguished_name = name
[name]
[v3_ca]
basicConstraints = critical, CA:true
keyUsage = keyCertSign, cRLSign
`;

describe.skipIf(opensslMissing !== undefined)('a revocation list', () => {
  it('keeps out whom it names, lets in whom it does not, and ends sessions that began before it', async () => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    const run = (args: string): void => {
      const { ok, text } = openssl(args.split(' '), { cwd });
      if (!ok) throw new Error(text);
    };
    const read = (name: string): string => readFileSync(join(cwd, name), 'utf8');
    writeFileSync(join(cwd, 'ca.cnf'), CONFIG);
    writeFileSync(join(cwd, 'index.txt'), '');
    const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf';
    run(`req -x509 ${key} -keyout ca.key -out ca.pem -subj /CN=ca -extensions v3_ca -days 2`);
    const leaf = (name: string): ShownLeaf => {
      run(`req ${key} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
      run(`x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem -days 1`);
      return { chainPem: read(`${name}.pem`), keyPem: read(`${name}.key`) };
    };
    const [server, good, bad] = [leaf('server'), leaf('good'), leaf('bad')];
    run('ca -config ca.cnf -revoke bad.pem');
    run('ca -config ca.cnf -gencrl -out crl.pem');
    const strict = (rules: object) => ({
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: shows(server),
        validation_context: { trusted_ca: pem(read('ca.pem')), ...rules },
      },
    });
    const to = await greeter();
    const before = await proxyTo(to, { down: strict({}) });
    const first = await call(before.port, 'TLSv1.3', bad);
    expect(first.heard).toBe('hello');
    const after = await proxyTo(to, { down: strict({ crl: pem(read('crl.pem')) }) });
    expect((await call(after.port, 'TLSv1.3', bad, first.ticket)).heard).toBe('');
    expect((await call(after.port, 'TLSv1.3', good)).heard).toBe('hello');
  });
});
