import type { Clock } from '../../lib/clock.ts';
import type { Result } from '../../lib/result.ts';
import type { Connection, ConnectionHandlers, NetError } from '../connection.ts';
import type { ResponseHead } from './message.ts';
import { createResponseParser } from './parser.ts';

/** One POST with a JSON body on a connection of its own. */
export interface Post {
  readonly connect: (signal: AbortSignal) => Promise<Result<Connection, NetError>>;
  readonly authority: string;
  readonly path: string;
  readonly body: string;
  readonly timeoutMs: number;
  /** A longer answer is a failure. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** What was answered. */
export interface Posted {
  readonly status: number;
  readonly body: string;
}

/** Posts, and waits for the whole answer. Rejects with a sentence. For what is asked now and then, not for traffic. */
export async function postHttp1(post: Post): Promise<Posted> {
  const abort = new AbortController();
  let cut: (error: Error) => void = () => abort.abort();
  const timer = post.clock.setTimeout(() => {
    abort.abort();
    cut(new Error(`no answer within ${post.timeoutMs} ms`));
  }, post.timeoutMs);
  try {
    const connected = await post.connect(abort.signal);
    if (!connected.ok) throw new Error(connected.error.message);
    return await new Promise<Posted>((resolve, reject) => {
      cut = reject;
      connected.value.handle(answerOf(post, resolve, reject));
      connected.value.write(requestOf(post));
    }).finally(() => connected.value.destroy());
  } finally {
    timer.cancel();
  }
}

function requestOf({ authority, path, body }: Post): Buffer {
  const length = Buffer.byteLength(body);
  const fields = ['content-type: application/json', `content-length: ${length}`, 'connection: close'];
  return Buffer.from(`POST ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields.join('\r\n')}\r\n\r\n${body}`);
}

function answerOf(
  { maxBytes }: Post,
  resolve: (posted: Posted) => void,
  reject: (error: Error) => void,
): ConnectionHandlers {
  const parts: Buffer[] = [];
  let length = 0;
  let status = 0;
  const parser = createResponseParser({
    onHead: (head: ResponseHead) => void (status = head.status),
    onInformational: () => {},
    onData(bytes) {
      length += bytes.length;
      if (length > maxBytes) reject(new Error(`the answer is longer than ${maxBytes} bytes`));
      else parts.push(Buffer.from(bytes));
    },
    onEnd: () => resolve({ status, body: Buffer.concat(parts).toString('utf8') }),
    onError: (error) => reject(new Error(error.message)),
  });
  parser.next({ method: 'POST', upgrade: false });
  return {
    onData: (bytes) => parser.feed(bytes),
    onEnd: () => parser.end(),
    onDrain: () => {},
    onClose: (error) =>
      reject(new Error(error?.message ?? 'the connection closed before the answer was complete')),
  };
}
