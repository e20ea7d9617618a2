import { isPlainObject } from '../../../api/plain.ts';
import type { Credential } from './test-authority.ts';

// Objects may name files of the proxies' machines: certificates and keys. Here they are the run's own, whatever their
// names, so that a test need not bring any.

/** Stands for the folder of the files until it is known. */
const FOLDER = '@weft-test-files@';

const FILES: Readonly<Record<string, string>> = {
  clientCertificate: 'certificate.pem',
  serverCertificate: 'certificate.pem',
  privateKey: 'key.pem',
  caCertificates: 'roots.pem',
};

/** An object whose TLS settings name the run's files. */
export function withTestFiles<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withTestFiles) as T;
  if (!isPlainObject(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => {
    const file = FILES[name];
    const named = file !== undefined && typeof inner === 'string' && inner.startsWith('/');
    return [name, named ? `${FOLDER}/${file}` : withTestFiles(inner)];
  });
  return Object.fromEntries(entries) as T;
}

/** YAML in which the files are where they are. */
export function withFolder(yaml: string, folder: string): string {
  return yaml.replaceAll(FOLDER, folder);
}

/** The files by name; `roots.pem` is there for other reasons. */
export function testFiles({ certificate, key }: Credential): Readonly<Record<string, string>> {
  return { 'certificate.pem': certificate, 'key.pem': key };
}
