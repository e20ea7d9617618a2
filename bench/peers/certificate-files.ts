import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTestCa, makeTestLeaf } from '../../src/testing/certificates.ts';
import { type CertificateFiles, HOST, IDENTITY } from './hop.ts';

/** Makes a root and a leaf (ECDSA P-256, as in a mesh), valid for an hour, and writes them into the folder. */
export async function writeCertificates(folder: string): Promise<CertificateFiles> {
  const ca = await makeTestCa();
  const leaf = await makeTestLeaf(ca, 'default', 'bench', { uris: [IDENTITY], dnsNames: [HOST] });
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    root: write('root.pem', ca.rootsPem),
    chain: write('chain.pem', leaf.chainPem),
    key: write('key.pem', leaf.keyPem),
    both: write('both.pem', `${leaf.chainPem}\n${leaf.keyPem}`),
  };
}
