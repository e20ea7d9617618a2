// The certificate service on weft's gRPC server, for the CA alone and for the control plane's port. Messages pass as
// bytes; service.ts and leaf-in-use.ts read them.

import type { GrpcServerCall } from '../wire/grpc/server-call.ts';
import { GRPC_CODE } from '../wire/grpc/status.ts';
import { CREATE_CERTIFICATE_PATH } from '../wire/identity/certificate-messages.ts';
import { LEAF_IN_USE_PATH } from '../wire/identity/leaf-in-use.ts';
import type { LeafInUse } from './leaf-in-use.ts';
import type { CreateCertificate } from './service.ts';

/** Who answers. */
export interface CertificateAnswers {
  readonly createCertificate: CreateCertificate;
  /** Absent: nobody counts what is in use. */
  readonly leafInUse?: LeafInUse;
}

/** Answers a call of istio.v1.auth.IstioCertificateService, and of what weft's own workloads add to it. False: it is none. */
export function serveCertificateCall(
  call: GrpcServerCall,
  { createCertificate, leafInUse }: CertificateAnswers,
): boolean {
  if (call.path === CREATE_CERTIFICATE_PATH) serveCertificate(call, createCertificate);
  else if (call.path === LEAF_IN_USE_PATH && leafInUse) serveLeafInUse(call, leafInUse);
  else return false;
  return true;
}

function serveCertificate(call: GrpcServerCall, createCertificate: CreateCertificate): void {
  serveUnary(call, async (request) => {
    const reply = await createCertificate({
      request,
      authorization: call.header('authorization'),
      peerCertificate: call.caller.certificate,
      peerAddress: call.caller.address,
    });
    if (!reply.ok) return call.end(reply.status, reply.message);
    call.send([reply.response]);
    call.end(GRPC_CODE.OK, '');
  });
}

function serveLeafInUse(call: GrpcServerCall, leafInUse: LeafInUse): void {
  serveUnary(call, async (request) => {
    const refusal = await leafInUse({
      request,
      authorization: call.header('authorization'),
      peerCertificate: call.caller.certificate,
    });
    if (refusal !== undefined) return call.end(refusal.status, refusal.message);
    call.send([new Uint8Array()]);
    call.end(GRPC_CODE.OK, '');
  });
}

function serveUnary(call: GrpcServerCall, answer: (request: Uint8Array) => Promise<void>): void {
  let request: Uint8Array | undefined;
  call.handle({
    onMessage(message) {
      if (request !== undefined) call.end(GRPC_CODE.INVALID_ARGUMENT, 'one message is expected');
      request = message;
    },
    onEnd() {
      if (request === undefined) call.end(GRPC_CODE.INVALID_ARGUMENT, 'a message is expected');
      else void answer(request);
    },
    onClose() {},
  });
}
