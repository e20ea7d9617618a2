// TLS of a grpc-js server of the mesh: 1.3 only, clients may show a certificate and need not (a new workload has
// none), and the server's own certificate changes without closing connections. grpc-js itself offers no such mixture.

import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { ServingCertificate } from './serving-certificate.ts';

/** Credentials for `server.bindAsync`. */
export class MeshServerCredentials extends ServerCredentials {
  constructor(serving: ServingCertificate) {
    // Who shows a certificate is judged by each service: a refused one is as good as none.
    super({ requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' }, contextOf(serving));
  }

  /** New connections get this certificate and are judged by its roots; open ones go on. */
  renew(serving: ServingCertificate): void {
    this.updateSecureContextOptions(contextOf(serving));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf(serving: ServingCertificate): SecureContextOptions {
  return {
    key: serving.keyPem,
    cert: serving.chainPem,
    ca: serving.rootsPem,
    // Also here: a renewed context starts from Node's defaults.
    minVersion: 'TLSv1.3',
    // No session may be resumed past a change of roots.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
