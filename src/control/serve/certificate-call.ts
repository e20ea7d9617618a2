import type { LeafInUse } from '../../ca/leaf-in-use.ts';
import type { CreateCertificate } from '../../ca/service.ts';
import type { GrpcServerCall } from '../../wire/grpc/server-call.ts';

const INVALID_ARGUMENT = 3;

/** Answers one call of CreateCertificate; messages pass as bytes, the CA reads them. */
export function serveCertificate(call: GrpcServerCall, createCertificate: CreateCertificate): void {
  serveUnary(call, async (request) => {
    const reply = await createCertificate({
      request,
      authorization: call.header('authorization'),
      peerCertificate: call.caller.certificate,
      peerAddress: call.caller.address,
    });
    if (!reply.ok) return call.end(reply.status, reply.message);
    call.send([reply.response]);
    call.end(0, '');
  });
}

/** Answers one call of LeafInUse. */
export function serveLeafInUse(call: GrpcServerCall, leafInUse: LeafInUse): void {
  serveUnary(call, async (request) => {
    const refusal = await leafInUse({
      request,
      authorization: call.header('authorization'),
      peerCertificate: call.caller.certificate,
    });
    if (refusal !== undefined) return call.end(refusal.status, refusal.message);
    call.send([new Uint8Array()]);
    call.end(0, '');
  });
}

function serveUnary(call: GrpcServerCall, answer: (request: Uint8Array) => Promise<void>): void {
  let request: Uint8Array | undefined;
  call.handle({
    onMessage(message) {
      if (request !== undefined) call.end(INVALID_ARGUMENT, 'one message is expected');
      request = message;
    },
    onEnd() {
      if (request === undefined) call.end(INVALID_ARGUMENT, 'a message is expected');
      else void answer(request);
    },
    onClose() {},
  });
}
