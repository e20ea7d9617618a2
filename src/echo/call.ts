import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { request as http1Request, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CALL_HEADER, type CallOrder, type CallResult, type SeenRequest } from './order.ts';

/** What is kept of an answer's body. */
const MAX_BODY_BYTES = 65_536;

type Outcome = Omit<CallResult, 'tookMs' | 'seen'>;

/** Makes one call on a connection of its own. Never rejects. */
export async function makeCall(call: CallOrder): Promise<CallResult> {
  const startedMs = performance.now();
  const outcome = await withLimit(call, call.scheme === 'tcp' ? bytes : call.scheme === 'grpc' ? grpc : http);
  const tookMs = performance.now() - startedMs;
  return {
    ...outcome,
    tookMs,
    seen: call.scheme === 'tcp' ? seenBytes(outcome.body) : seenRequest(outcome.body),
  };
}

type Make = (call: CallOrder, done: (outcome: Outcome) => void) => () => void;

function withLimit(call: CallOrder, make: Make): Promise<Outcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(failed(`no answer within ${call.timeoutMs} ms`)), call.timeoutMs);
    let over = false;
    const finish = (outcome: Outcome): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      resolve(outcome);
      end();
    };
    let end: () => void = () => {};
    end = make(call, finish);
    if (over) end();
  });
}

function failed(error: string): Outcome {
  return { status: 0, headers: {}, body: '', accepted: false, error };
}

const http: Make = (call, done) => {
  const options = {
    host: call.host,
    port: call.port,
    lookup: lookupAny,
    path: call.path,
    method: call.method,
    agent: false as const,
    setHost: false,
    headers: headersOf(call),
    servername: call.sni || call.host,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  };
  const request = (call.scheme === 'https' ? httpsRequest : http1Request)(options, (response) =>
    readAnswer(response, (body) =>
      done({
        status: response.statusCode ?? 0,
        headers: flat(response.headers),
        body,
        accepted: true,
        error: '',
      }),
    ),
  );
  request.on('error', (error) => done(failed(error.message)));
  request.end(call.body);
  return () => request.destroy();
};

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** Any of a name's addresses: the C library would put them in an order and always take the same. */
function lookupAny(host: string, options: { readonly all?: boolean | undefined }, found: Found): void {
  lookup(host, { family: 4, all: true } satisfies LookupAllOptions, (error, addresses) => {
    const picked = addresses?.[Math.floor(Math.random() * addresses.length)];
    if (error !== null || picked === undefined) found(error ?? new Error(`${host} has no address`), '');
    else if (options.all === true) found(null, [picked]);
    else found(null, picked.address, picked.family);
  });
}

/** Repeated names stay repeated, as they were written. */
function headersOf(call: CallOrder): string[] {
  const own = [['Host', call.authority], [CALL_HEADER, call.id], ...call.headers];
  const length = call.body === '' ? [] : [['content-length', String(Buffer.byteLength(call.body))]];
  return [...own, ...length].flatMap(([name = '', value = '']) => [name, value]);
}

function readAnswer(response: IncomingMessage, done: (body: string) => void): void {
  const parts: Buffer[] = [];
  let length = 0;
  response.on('data', (bytes: Buffer) => {
    if (length < MAX_BODY_BYTES) parts.push(bytes);
    length += bytes.length;
  });
  const end = (): void => done(Buffer.concat(parts).toString('utf8'));
  response.on('end', end).on('error', end);
}

const grpc: Make = (call, done) => {
  const session = connectHttp2(`http://${call.host}:${call.port}`, { lookup: lookupAny });
  session.on('error', (error: Error) => done(failed(error.message)));
  const stream = session.request({
    ':method': call.method,
    ':path': call.path,
    ':authority': call.authority,
    'content-type': 'application/grpc',
    te: 'trailers',
    [CALL_HEADER]: call.id,
    ...Object.fromEntries(call.headers),
  });
  let status = 0;
  let headers: Record<string, string> = {};
  const parts: Buffer[] = [];
  stream.on('response', (head) => {
    status = Number(head[':status']);
    headers = flat(head);
  });
  stream.on('trailers', (trailers) => {
    headers = { ...headers, ...flat(trailers) };
  });
  stream.on('data', (part: Buffer) => void parts.push(part));
  stream.on('error', (error: Error) => done(failed(error.message)));
  stream.on('end', () => {
    const body = Buffer.concat(parts).subarray(5).toString('utf8');
    setImmediate(() => done({ status, headers, body, accepted: status > 0, error: '' }));
  });
  // An empty message: its five bytes of prefix.
  stream.end(Buffer.alloc(5));
  return () => session.destroy();
};

const HELLO = 'hello\n';

/** Says something and waits for anything. */
const bytes: Make = (call, done) => {
  const { host, port, sni } = call;
  const socket: Socket =
    sni === ''
      ? connectTcp({ host, port, lookup: lookupAny })
      : connectTls({ host, port, lookup: lookupAny, servername: sni, rejectUnauthorized: false });
  socket.on('error', (error) => done(failed(error.message)));
  socket.once(sni === '' ? 'connect' : 'secureConnect', () => socket.write(HELLO));
  socket.once('data', (part: Buffer) =>
    done({ status: 0, headers: {}, body: part.toString('utf8'), accepted: true, error: '' }),
  );
  socket.once('close', () => done(failed('closed without a word')));
  return () => socket.destroy();
};

function flat(
  headers: Readonly<Record<string, string | string[] | number | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name, value]) => value !== undefined && !name.startsWith(':'))
      .map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)]),
  );
}

function seenRequest(body: string): SeenRequest | undefined {
  if (!body.startsWith('{"by":')) return undefined;
  try {
    return JSON.parse(body) as SeenRequest;
  } catch {
    return undefined;
  }
}

/** `NAMESPACE/WORKLOAD IP:PORT` is what an echo of bytes says first. */
function seenBytes(body: string): SeenRequest | undefined {
  const [, by, at] = /^(\S+\/\S+) (\S+:\d+)\n/.exec(body) ?? [];
  if (by === undefined || at === undefined) return undefined;
  return { by, at, method: '', path: '', authority: '', headers: {}, tls: false };
}
