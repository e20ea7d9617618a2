import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { type Client, openSocket, type Target } from './client.ts';
import { HOST } from './hop.ts';

/** One session of HTTP/2 as room for `streams` requests at a time. */
export async function openHttp2(target: Target, streams: number): Promise<readonly Client[]> {
  const socket: Socket = await openSocket(target);
  const session = connect(`http://${HOST}`, { createConnection: () => socket });
  session.on('error', () => {});
  const send = target.protocol === 'grpc' ? grpcSender(session) : getSender(session);
  return Array.from({ length: streams }, () => ({ send, close: () => session.destroy() }));
}

function getSender(session: ClientHttp2Session): Client['send'] {
  return (done) => {
    if (session.destroyed) return void setTimeout(done, 1, false);
    const stream = session.request({ ':path': '/api/v1/products?limit=10', 'user-agent': 'bench/1' });
    let isOk = false;
    stream.on('response', (headers) => (isOk = headers[':status'] === 200));
    stream.on('error', () => (isOk = false));
    stream.on('close', () => done(isOk && stream.rstCode === constants.NGHTTP2_NO_ERROR));
    stream.resume();
  };
}

/** A unary call with a message of 100 bytes. */
function grpcSender(session: ClientHttp2Session): Client['send'] {
  const message = Buffer.alloc(105, 'y').fill(0, 0, 5);
  message.writeUInt32BE(100, 1);
  const headers = {
    ':method': 'POST',
    ':path': '/bench.Products/List',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  return (done) => {
    if (session.destroyed) return void setTimeout(done, 1, false);
    const stream = session.request(headers);
    let isOk = false;
    stream.on('trailers', (trailers) => (isOk = trailers['grpc-status'] === '0'));
    stream.on('error', () => (isOk = false));
    stream.on('close', () => done(isOk));
    stream.resume();
    stream.end(message);
  };
}
