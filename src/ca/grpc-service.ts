// The certificate service on grpc-js: definition and handler, for the CA alone and for the control plane's port.

import type {
  Server,
  ServerUnaryCall,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CREATE_CERTIFICATE_PATH } from '../wire/identity/certificate-messages.ts';
import type { CertificateCall, CreateCertificate } from './service.ts';

type CertificateGrpcCall = ServerUnaryCall<Uint8Array, Uint8Array>;

/** istio.v1.auth.IstioCertificateService; messages pass as bytes, service.ts reads them. */
export const CERTIFICATE_SERVICE: ServiceDefinition = {
  CreateCertificate: {
    path: CREATE_CERTIFICATE_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: asBuffer,
    requestDeserialize: asBytes,
    responseSerialize: asBuffer,
    responseDeserialize: asBytes,
  },
};

/** Mounts the service on a server. Callers' certificates count only on credentials that ask for them. */
export function addCertificateService(server: Server, createCertificate: CreateCertificate): void {
  server.addService(CERTIFICATE_SERVICE, certificateImplementation(createCertificate));
}

/** The implementation to {@link CERTIFICATE_SERVICE}. */
export function certificateImplementation(
  createCertificate: CreateCertificate,
): UntypedServiceImplementation {
  return {
    CreateCertificate: (call: CertificateGrpcCall, done: sendUnaryData<Uint8Array>) => {
      void createCertificate(readCall(call)).then((reply) => {
        if (reply.ok) done(null, reply.response);
        else done({ code: reply.status, details: reply.message });
      });
    },
  };
}

function readCall(call: CertificateGrpcCall): CertificateCall {
  const headers = call.metadata.get('authorization');
  return {
    request: call.request,
    // Node drops a second header; if one came nevertheless, both together are no token.
    authorization: headers.length === 0 ? undefined : headers.join(', '),
    // grpc-js gives a certificate only when OpenSSL has found its chain good.
    peerCertificate: call.getAuthContext().sslPeerCertificate?.raw,
    peerAddress: withoutPort(call.getPeer()),
  };
}

/** `10.0.0.1:80` and `::1:80` (grpc-js writes no brackets) without what follows the last colon. */
function withoutPort(peer: string): string {
  const colon = peer.lastIndexOf(':');
  return colon < 0 ? peer : peer.slice(0, colon);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asBytes(bytes: Buffer): Uint8Array {
  return bytes;
}
