/** Brings what both proxies did into one form: what is different on every run is blotted out, nothing else. */
import type { Outcome } from './harness.ts';
import type { Message } from './messages.ts';
import { PROBE_PATH } from './recording-upstream.ts';

export interface Compared {
  readonly responses: readonly Message[];
  readonly connection: string;
  readonly clientRest: string;
  readonly requests: readonly Message[];
  readonly upstreamRest: string;
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/** The question whether the connection is open comes last: one before is a late one of the case before. */
function isOfThisCase(message: Message, i: number, all: readonly Message[]): boolean {
  return i === all.length - 1 || !message.head.includes(` ${PROBE_PATH} `);
}

export function comparable({ client, upstream }: Outcome): Compared {
  const blot = (message: Message): Message => ({
    ...message,
    head: message.head
      .replace(/(\r\ndate: )[^\r]*GMT/g, '$1*')
      .replace(/(\r\nx-envoy-upstream-service-time: )\d+/g, '$1*')
      .replace(UUID, '*'),
  });
  return {
    responses: client.responses.map(blot),
    // After a close nobody says whether the last bytes were read: reset and end are one.
    connection: client.connection,
    clientRest: client.rest,
    requests: upstream.requests.filter(isOfThisCase).map(blot),
    upstreamRest: upstream.rest,
  };
}
