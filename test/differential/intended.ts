/**
 * The differences between Envoy and weft that are meant, each as code: DIFFERENCES.md has the same list with the
 * reasons. A form is applied to both outcomes and takes the difference out of them; a rule says that for this case weft
 * may refuse what Envoy lets through.
 */
import type { Compared } from './compare.ts';
import type { Case } from './harness.ts';
import type { Message } from './messages.ts';

/** Both outcomes without what is meant to differ. */
export function allowed(one: Case, envoy: Compared, weft: Compared): readonly [Compared, Compared] {
  const [e, w] = [inForm(envoy), inForm(weft)];
  const bytes = one.pieces.join('');
  if (REFUSALS.some((rule) => rule.request.test(bytes)) && refused(w)) return [w, w];
  return [e, w];
}

function inForm(outcome: Compared): Compared {
  return {
    ...outcome,
    requests: outcome.requests.map((message) => ({ ...message, head: requestForm(message.head) })),
    responses: outcome.responses.map(responseForm),
  };
}

/** `header-lines`: Envoy puts Host first and joins repeated lines of fields that it knows; weft keeps lines and order. */
function requestForm(head: string): string {
  const [line = '', ...fields] = head.split('\r\n');
  const isHost = (field: string): boolean => /^host:/i.test(field);
  return [line, ...joined([...fields.filter(isHost), ...fields.filter((field) => !isHost(field))])].join('\r\n');
}

const JOINED = /^(accept|te|x-forwarded-proto|x-forwarded-for|via|accept-encoding|user-agent|connection|expect|content-type|authorization|grpc-timeout|x-request-id|cookie|vary|server|date|location):/i;

function joined(fields: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const field of fields) {
    const name = JOINED.exec(field)?.[0].toLowerCase();
    const before = name === undefined ? -1 : lines.findIndex((line) => line.toLowerCase().startsWith(name));
    if (before < 0) lines.push(field);
    else lines[before] += `${name === 'cookie:' ? '; ' : ','}${field.slice(field.indexOf(':') + 1).trimStart()}`;
  }
  return lines;
}

/** `refusal-words`: an answer of the proxy itself says in words what happened; Envoy's says less or nothing. */
function responseForm(message: Message): Message {
  const [line = '', ...fields] = message.head.split('\r\n');
  if (fields.some((field) => field.startsWith('x-envoy-upstream-service-time: ')))
    return { ...message, head: [line, ...joined(fields)].join('\r\n') };
  const about = fields.filter((field) => !/^(content-length|content-type|transfer-encoding):/i.test(field));
  return { ...message, framing: 'length', body: '', head: [line, ...about.sort()].join('\r\n') };
}

/** Everything that reached the upstream was answered, and the last answer refuses and closes. */
function refused(outcome: Compared): boolean {
  const last = outcome.responses.at(-1)?.head ?? '';
  return (
    /^HTTP\/1\.1 (400|414|431|501|505) /.test(last) &&
    /\r\nconnection: close/.test(last) &&
    outcome.connection === 'closed' &&
    outcome.requests.every((request) => request.complete) &&
    outcome.requests.length < outcome.responses.length
  );
}

interface RefusalRule {
  readonly name: string;
  /** What is in the client's bytes. */
  readonly request: RegExp;
}

const REFUSALS: readonly RefusalRule[] = [
];
