import { headerGetter } from '../../../xds/match/facts.ts';
import type { Inside } from '../held.ts';
import { factsOf, headerOf, type Request, type Response } from './request.ts';

/** What values of headers can be made of. */
export interface ValueFacts {
  readonly request: Request;
  readonly response: Response | undefined;
  readonly inside: Pick<Inside, 'connection' | 'opened'>;
  readonly cluster: string;
  readonly route: string;
  /** Called for an operator whose value is not known here. */
  readonly unknown: () => void;
}

const OPERATOR = /%(?:%|([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%)/g;

/** Text with Envoy's %OPERATORS%; what has no value is left out. */
export function formatValue(text: string, facts: ValueFacts): string {
  return text.replace(OPERATOR, (_, name?: string, argument?: string, length?: string) => {
    if (name === undefined) return '%';
    const operator = argument === undefined ? PLAIN[name] : withArgument(name, argument);
    if (operator === undefined) facts.unknown();
    const value = operator?.(facts) ?? '';
    return length === undefined ? value : value.slice(0, Number(length));
  });
}

type Operator = (facts: ValueFacts) => string | undefined;

const PLAIN: Readonly<Record<string, Operator>> = {
  PROTOCOL: ({ inside }) => (inside.connection.content === 'h2c' ? 'HTTP/2' : 'HTTP/1.1'),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ inside }) => inside.connection.source.address,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ inside }) => inside.connection.source.address,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ inside }) => inside.connection.destination.address,
  DOWNSTREAM_LOCAL_PORT: ({ inside }) => String(inside.connection.destination.port),
  DOWNSTREAM_PEER_URI_SAN: ({ inside }) => inside.opened?.shows,
  REQUESTED_SERVER_NAME: ({ inside }) => inside.opened?.serverName,
  UPSTREAM_CLUSTER: ({ cluster }) => cluster,
  UPSTREAM_CLUSTER_RAW: ({ cluster }) => cluster,
  ROUTE_NAME: ({ route }) => route,
  RESPONSE_CODE: ({ response }) => (response === undefined ? undefined : String(response.status)),
  RESPONSE_CODE_DETAILS: ({ response }) => response?.details,
};

function withArgument(name: string, argument: string): Operator | undefined {
  const names = argument.split('?');
  if (name === 'REQ') return ({ request }) => first(names.map((one) => headerGetter(one)(factsOf(request))));
  if (name === 'RESP')
    return ({ response }) =>
      response && first(names.map((one) => headerOf(response.headers, one.toLowerCase())));
  return undefined;
}

function first(values: readonly (string | undefined)[]): string | undefined {
  return values.find((value) => value !== undefined);
}
