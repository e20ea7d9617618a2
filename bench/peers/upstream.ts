/**
 * The upstream of the bench as a process of its own: answers fixed bytes and does next to nothing, so that the proxies
 * are what costs. Started by start-upstream.ts, which sends an UpstreamPlan and gets the port; ends with its parent.
 */
import { readFileSync } from 'node:fs';
import {
  createServer as createHttp2,
  createSecureServer as createSecureHttp2,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { CertificateFiles, Protocol, Tls } from './hop.ts';
import { MessageReader } from './message-reader.ts';
import { freeOwnGarbageAtRest } from './own-garbage.ts';

export interface UpstreamPlan {
  readonly protocol: Protocol;
  readonly tls: Tls;
  readonly bodyBytes: number;
  readonly files: CertificateFiles;
}

function serve(plan: UpstreamPlan): Server {
  if (plan.protocol === 'http2' || plan.protocol === 'grpc') return serveHttp2(plan);
  const onSocket = plan.protocol === 'tcp' ? sink : answering(plan.bodyBytes);
  if (plan.tls === 'none') return createServer({ noDelay: true, allowHalfOpen: true }, onSocket);
  return createTls({ ...tlsOptions(plan), allowHalfOpen: true }, onSocket);
}

function tlsOptions({ files, tls }: UpstreamPlan) {
  return {
    cert: readFileSync(files.chain),
    key: readFileSync(files.key),
    ca: readFileSync(files.root),
    requestCert: tls === 'mutual',
    rejectUnauthorized: tls === 'mutual',
    minVersion: 'TLSv1.3' as const,
    noDelay: true,
  };
}

/** Answers each request of a connection. */
function answering(bodyBytes: number): (socket: Socket) => void {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
  const answer = Buffer.from(head + 'x'.repeat(bodyBytes));
  return (socket) => {
    const reader = new MessageReader(() => void socket.write(answer));
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
  };
}

/** Swallows bytes; says how many they were when the sender has ended. */
function sink(socket: Socket): void {
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  socket.on('end', () => socket.end(String(bytes)));
  socket.on('error', () => {});
}

function serveHttp2(plan: UpstreamPlan): Server {
  const server = plan.tls === 'none' ? createHttp2() : createSecureHttp2(tlsOptions(plan));
  const body = Buffer.alloc(plan.bodyBytes, 'x');
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.resume();
    if (plan.protocol === 'grpc') answerGrpc(stream, body);
    else stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(body);
  });
  return server as unknown as Server;
}

/** One message and the trailer that it went well. */
function answerGrpc(stream: ServerHttp2Stream, body: Buffer): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  body.fill(0, 0, 1).writeUInt32BE(body.length - 5, 1);
}

process.once('message', (plan: UpstreamPlan) => {
  const server = serve(plan);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    process.send?.((server.address() as AddressInfo).port),
  );
});
freeOwnGarbageAtRest();
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
