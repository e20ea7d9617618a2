// CreateCertificate as any gRPC client calls it, for tests that stand before a CA's port.

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  CREATE_CERTIFICATE_PATH,
  decodeCertificateResponse,
  encodeCertificateRequest,
} from '../wire/identity/certificate-messages.ts';

/** What a caller shows and asks for. */
export interface CertificateOrder {
  readonly port: number;
  readonly rootsPem: string;
  readonly csr: string;
  readonly token?: string | undefined;
  /** The certificate of the connection. */
  readonly own?: { readonly keyPem: string; readonly chainPem: string } | undefined;
}

const DEADLINE_MS = 20_000;

/** The chain; rejects with grpc-js' ServiceError. */
export async function createCertificate(order: CertificateOrder): Promise<readonly string[]> {
  const { port, rootsPem, csr, token, own } = order;
  const tls = credentials.createSsl(
    Buffer.from(rootsPem),
    own === undefined ? null : Buffer.from(own.keyPem),
    own === undefined ? null : Buffer.from(own.chainPem),
  );
  const client = new Client(`localhost:${port}`, tls, { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  if (token !== undefined) metadata.add('authorization', `Bearer ${token}`);
  const request = Buffer.from(encodeCertificateRequest({ csr, validityDurationS: 3600 }));
  try {
    return await new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, chain?: readonly string[]) =>
        error === null ? resolve(chain ?? []) : reject(error);
      const same = (bytes: Buffer): Buffer => bytes;
      const read = (bytes: Buffer) => decodeCertificateResponse(bytes).certChain;
      const deadline = Date.now() + DEADLINE_MS;
      client.makeUnaryRequest(CREATE_CERTIFICATE_PATH, same, read, request, metadata, { deadline }, done);
    });
  } finally {
    client.close();
  }
}
