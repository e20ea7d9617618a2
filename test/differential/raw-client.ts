/** A client of raw bytes: sends pieces, gathers what comes back, and asks at the end whether the connection still serves. */
import { connect } from 'node:net';
import { type Message, readResponses } from './messages.ts';
import { PROBE_BODY, PROBE_PATH } from './recording-upstream.ts';

export interface RawRequest {
  /** latin1; each is a write of its own, a moment after the one before. */
  readonly pieces: readonly string[];
  /** Methods of the requests that are expected to be answered, in order. */
  readonly methods: readonly string[];
  /** Sent when the answer that switches protocols is there, in place of the probe. */
  readonly afterSwitch?: string;
  /** The client ends its side after the last piece. */
  readonly end?: boolean;
}

export interface ClientRecord {
  readonly responses: readonly Message[];
  /** Bytes that are no response. */
  readonly rest: string;
  /** `open`: one more request was answered; `silent`: nothing more came, not even an end. */
  readonly connection: 'open' | 'closed' | 'silent';
}

const PROBE = `GET ${PROBE_PATH} HTTP/1.1\r\nHost: probe\r\n\r\n`;

/** `quietMs`: how long nothing must come before the client gives up waiting. */
export async function exchange(port: number, request: RawRequest, quietMs: number): Promise<ClientRecord> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
  let text = '';
  let ended = false;
  let wake = (): void => {};
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    wake();
  });
  const over = (): void => {
    ended = true;
    wake();
  };
  for (const event of ['end', 'error', 'close']) socket.on(event, over);
  const until = async (holds: () => boolean): Promise<boolean> => {
    while (!ended && !holds()) {
      const before = text.length;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, quietMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (text.length === before && !ended) return false;
    }
    return holds();
  };
  const methods = [...request.methods];
  const answers = (): number => finalAnswers(readResponses(text, methods, ended).messages);
  try {
    for (const piece of request.pieces) {
      if (ended) break;
      socket.write(piece, 'latin1');
      if (request.pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (request.end) socket.end();
    await until(() => answers() >= request.methods.length);
    let connection: ClientRecord['connection'] = ended ? 'closed' : 'silent';
    if (!ended && request.afterSwitch !== undefined && / 101 /.test(text)) {
      const expected = text.length + request.afterSwitch.length;
      socket.write(request.afterSwitch, 'latin1');
      connection = (await until(() => text.length >= expected)) ? 'open' : connection;
    } else if (!ended && !request.end) {
      const before = answers();
      const place = Math.max(0, before);
      methods.splice(place, methods.length, 'GET');
      socket.write(PROBE, 'latin1');
      if (await until(() => answers() > before)) connection = 'open';
    }
    const reading = readResponses(text, methods, ended);
    const served = request.afterSwitch !== undefined || reading.messages.at(-1)?.body === PROBE_BODY;
    if (ended || (connection === 'open' && !served)) connection = 'closed';
    return { responses: reading.messages, rest: reading.rest, connection };
  } finally {
    socket.destroy();
  }
}

function finalAnswers(messages: readonly Message[]): number {
  return messages.filter(
    (one) => one.complete && (one.framing === 'raw' || !/^HTTP\/1.\d 1\d\d/.test(one.head)),
  ).length;
}
