import type { CreateCertificate } from '../../ca/service.ts';
import type { GrpcServerCall } from '../../wire/grpc/server-call.ts';

const INVALID_ARGUMENT = 3;

/** Answers one call of CreateCertificate; messages pass as bytes, the CA reads them. */
export function serveCertificate(call: GrpcServerCall, createCertificate: CreateCertificate): void {
  let request: Uint8Array | undefined;
  call.handle({
    onMessage(message) {
      if (request !== undefined) call.end(INVALID_ARGUMENT, 'one message is expected');
      request = message;
    },
    onEnd() {
      if (request === undefined) call.end(INVALID_ARGUMENT, 'a message is expected');
      else void answer(call, request, createCertificate);
    },
    onClose() {},
  });
}

async function answer(
  call: GrpcServerCall,
  request: Uint8Array,
  createCertificate: CreateCertificate,
): Promise<void> {
  const reply = await createCertificate({
    request,
    authorization: call.header('authorization'),
    peerCertificate: call.caller.certificate,
    peerAddress: call.caller.address,
  });
  if (!reply.ok) return call.end(reply.status, reply.message);
  call.send([reply.response]);
  call.end(0, '');
}
