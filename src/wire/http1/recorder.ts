import type { Http1Limits } from './limits.ts';
import type { MessageEvents, MessageHead, RequestHead, ResponseHead, ResponseTo } from './message.ts';
import { createRequestParser, createResponseParser } from './parser.ts';

// For the tests of this folder: what a parser told, as plain data. Adjacent data events are one, because how bytes
// were split is exactly what must not matter.

/** One event. */
export type Told =
  | { readonly head: RequestHead | ResponseHead }
  | { readonly informational: number }
  | { readonly data: string }
  | { readonly end: readonly string[] | undefined }
  | { readonly error: string; readonly status: number };

/** Collects events; `onEnd` runs after each message. */
export function recorder<Head extends MessageHead>(
  onEnd: () => void,
): { told: Told[]; events: MessageEvents<Head> } {
  const told: Told[] = [];
  const events: MessageEvents<Head> = {
    onHead: (head) => void told.push({ head: head as unknown as RequestHead }),
    onInformational: (head) => void told.push({ informational: (head as unknown as ResponseHead).status }),
    onData(bytes) {
      const last = told.at(-1);
      const text = bytes.toString('latin1');
      if (last !== undefined && 'data' in last) told[told.length - 1] = { data: last.data + text };
      else told.push({ data: text });
    },
    onEnd(trailers) {
      told.push({ end: trailers });
      onEnd();
    },
    onError: (error) => void told.push({ error: error.code, status: error.status }),
  };
  return { told, events };
}

/** Feeds pieces (latin1) to a request parser that goes on to the next request at once, then ends the input. */
export function tellRequests(pieces: readonly string[], limits?: Http1Limits): Told[] {
  const { told, events } = recorder<RequestHead>(() => parser.next());
  const parser = createRequestParser(events, limits);
  for (const piece of pieces) parser.feed(Buffer.from(piece, 'latin1'));
  parser.end();
  return told;
}

/** The same for responses to the given requests, one after the other. */
export function tellResponses(
  pieces: readonly string[],
  to: readonly ResponseTo[],
  limits?: Http1Limits,
): Told[] {
  const left = [...to];
  const goOn = (): void => {
    const next = left.shift();
    if (next !== undefined) parser.next(next);
  };
  const { told, events } = recorder<ResponseHead>(goOn);
  const parser = createResponseParser(events, limits);
  goOn();
  for (const piece of pieces) parser.feed(Buffer.from(piece, 'latin1'));
  parser.end();
  return told;
}
