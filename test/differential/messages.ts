/**
 * A small reader of HTTP/1 messages for the test's own two ends, written without weft's parser: what a proxy sent is cut
 * into heads, bodies and trailers, so that chunk boundaries, which are a matter of timing, do not count as differences.
 * Texts are latin1: one character a byte.
 */
export interface Message {
  /** Start line and field lines exactly as received, without the blank line. */
  readonly head: string;
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close' | 'raw';
  /** Without chunk lines. */
  readonly body: string;
  /** Field lines after the last chunk, as received. */
  readonly trailers: string;
  readonly complete: boolean;
}

export interface Reading {
  readonly messages: readonly Message[];
  /** What follows the last complete message and is no head yet. */
  readonly rest: string;
}

/** Requests in the order of a connection. `raw`: everything behind the first head is another protocol's. */
export function readRequests(text: string, raw: boolean): Reading {
  return readAll(text, (head) => {
    if (raw) return { framing: 'raw', length: 0 };
    return framingOf(head) ?? { framing: 'none', length: 0 };
  });
}

/** Responses to requests of these methods; 1xx heads count as messages. `ended`: no more bytes come. */
export function readResponses(text: string, methods: readonly string[], ended: boolean): Reading {
  let answered = 0;
  return readAll(
    text,
    (head) => {
      const status = Number(head.slice(9, 12));
      if (status === 101) return { framing: 'raw', length: 0 };
      if (status < 200) return { framing: 'none', length: 0 };
      const method = methods[answered++];
      if (method === 'CONNECT' && status < 300) return { framing: 'raw', length: 0 };
      if (method === 'HEAD' || status === 204 || status === 304) return { framing: 'none', length: 0 };
      return framingOf(head) ?? { framing: 'until-close', length: 0 };
    },
    ended,
  );
}

interface Frame {
  readonly framing: Message['framing'];
  readonly length: number;
}

function readAll(text: string, frameOf: (head: string) => Frame, ended = false): Reading {
  const messages: Message[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) return { messages, rest: text.slice(at) };
    const head = text.slice(at, end);
    const message = readBody(text, end + 4, frameOf(head), ended);
    messages.push({ head, ...message.parts });
    if (!message.parts.complete || message.parts.framing === 'raw') return { messages, rest: '' };
    at = message.end;
  }
}

function readBody(
  text: string,
  at: number,
  { framing, length }: Frame,
  ended: boolean,
): { readonly parts: Omit<Message, 'head'>; readonly end: number } {
  const part = (body: string, trailers: string, complete: boolean, end: number) => ({
    parts: { framing, body, trailers, complete },
    end,
  });
  if (framing === 'none') return part('', '', true, at);
  if (framing === 'raw') return part(text.slice(at), '', true, text.length);
  if (framing === 'until-close') return part(text.slice(at), '', ended, text.length);
  if (framing === 'length')
    return part(text.slice(at, at + length), '', text.length >= at + length, at + length);
  let body = '';
  for (let i = at; ; ) {
    const lineEnd = text.indexOf('\r\n', i);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(i, lineEnd), 16);
    if (Number.isNaN(size)) return part(body, '', false, text.length);
    i = lineEnd + 2;
    if (size === 0) {
      if (text.startsWith('\r\n', i)) return part(body, '', true, i + 2);
      const end = text.indexOf('\r\n\r\n', i);
      if (end < 0) return part(body, text.slice(i), false, text.length);
      return part(body, text.slice(i, end), true, end + 4);
    }
    body += text.slice(i, i + size);
    if (text.length < i + size + 2) return part(body, '', false, text.length);
    i += size + 2;
  }
}

/** By the head's own fields; undefined where it has neither. */
function framingOf(head: string): Frame | undefined {
  if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) return { framing: 'chunked', length: 0 };
  const length = /\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1];
  return length === undefined ? undefined : { framing: 'length', length: Number(length) };
}
