import type { TlsContext } from '../wire/connection.ts';
import { network } from '../wire/net.ts';
import type { ServingCertificate } from './serving-certificate.ts';

/**
 * TLS of the ports of the CA and the control plane: 1.3 only. Every handshake is a full one: no session may be resumed past a change of
 * roots. Throws where key and certificate do not fit.
 */
export function servingTls({ keyPem, chainPem, rootsPem }: ServingCertificate): TlsContext {
  const made = network.createTlsContext({
    certificates: [{ chainPem, privateKeyPem: keyPem }],
    trustedCaPem: rootsPem,
    minVersion: 'TLSv1.3',
  });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}
