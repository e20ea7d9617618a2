// The certificate service on grpc-js: definition and handler, for the CA alone and for the control plane's port.

import type {
  Server,
  ServerUnaryCall,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CREATE_CERTIFICATE_PATH } from '../wire/identity/certificate-messages.ts';
import { LEAF_IN_USE_PATH } from '../wire/identity/leaf-in-use.ts';
import type { LeafInUse } from './leaf-in-use.ts';
import { type CertificateCall, type CreateCertificate, GRPC_STATUS } from './service.ts';

type CertificateGrpcCall = ServerUnaryCall<Uint8Array, Uint8Array>;

/** istio.v1.auth.IstioCertificateService, and what weft's own workloads add to it; messages pass as bytes, service.ts reads them. */
export const CERTIFICATE_SERVICE: ServiceDefinition = {
  CreateCertificate: unary(CREATE_CERTIFICATE_PATH),
  LeafInUse: unary(LEAF_IN_USE_PATH),
};

/** Mounts the service on a server. Callers' certificates count only on credentials that ask for them. */
export function addCertificateService(
  server: Server,
  createCertificate: CreateCertificate,
  leafInUse?: LeafInUse,
): void {
  server.addService(CERTIFICATE_SERVICE, certificateImplementation(createCertificate, leafInUse));
}

/** The implementation to {@link CERTIFICATE_SERVICE}. */
export function certificateImplementation(
  createCertificate: CreateCertificate,
  leafInUse: LeafInUse = async () => ({
    status: GRPC_STATUS.UNIMPLEMENTED,
    message: 'nothing is counted here',
  }),
): UntypedServiceImplementation {
  return {
    LeafInUse: (call: CertificateGrpcCall, done: sendUnaryData<Uint8Array>) => {
      void leafInUse(readCall(call)).then((refusal) => {
        if (refusal === undefined) done(null, new Uint8Array());
        else done({ code: refusal.status, details: refusal.message });
      });
    },
    CreateCertificate: (call: CertificateGrpcCall, done: sendUnaryData<Uint8Array>) => {
      void createCertificate(readCall(call)).then((reply) => {
        if (reply.ok) done(null, reply.response);
        else done({ code: reply.status, details: reply.message });
      });
    },
  };
}

function unary(path: string): ServiceDefinition[string] {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asBuffer,
    requestDeserialize: asBytes,
    responseSerialize: asBuffer,
    responseDeserialize: asBytes,
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
