import type { StringMatch } from '../../../api/istio/shared/string-match.ts';
import type { TcpRoute, TlsRoute } from '../../../api/istio/virtual-service/l4-route.ts';
import type { HttpMatch as HttpMatchSpec } from '../../../api/istio/virtual-service/match.ts';
import type {
  ClaimMatch,
  ConnectionMatch,
  HttpMatch,
  NamedMatch,
  SourceMatch,
  TextMatch,
} from '../../../mesh/route.ts';
import { gatewayNames } from './gateway-names.ts';

/** A match of an HTTP rule in `namespace`, with the names of gateways written out. */
export function httpMatch(spec: HttpMatchSpec, namespace: string): HttpMatch {
  const caseless = spec.ignoreUriCase === true;
  const headers = [...namedMatches(spec.headers, false), ...namedMatches(spec.withoutHeaders, true)];
  return {
    ...sourceMatch(spec, namespace),
    name: spec.name ?? '',
    ...(spec.statPrefix ? { statPrefix: spec.statPrefix } : {}),
    ...(spec.uri === undefined ? {} : { path: pathMatch(spec.uri, caseless) }),
    ...optionalText('scheme', spec.scheme),
    ...optionalText('method', spec.method),
    ...optionalText('authority', spec.authority),
    headers: headers.filter(({ name }) => !isClaim(name)),
    query: namedMatches(spec.queryParams, false),
    claims: headers.filter(({ name }) => isClaim(name)).map(claimMatch),
  };
}

/** The header by which rules speak of claims: `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`. */
const CLAIMS = '@request.auth.claims';

function isClaim(name: string): boolean {
  return name.startsWith(`${CLAIMS}.`) || name.startsWith(`${CLAIMS}[`);
}

function claimMatch({ name, match, invert }: NamedMatch): ClaimMatch {
  const rest = name.slice(CLAIMS.length);
  const path = rest.startsWith('[') ? rest.slice(1, -1).split('][') : rest.slice(1).split('.');
  return { path, match, invert };
}

type ConnectionSpec = NonNullable<TcpRoute['match']>[number] | NonNullable<TlsRoute['match']>[number];

/** A match of a TCP or TLS rule. */
export function connectionMatch(spec: ConnectionSpec, namespace: string): ConnectionMatch {
  return {
    ...sourceMatch(spec, namespace),
    destinationSubnets: spec.destinationSubnets ?? [],
    ...('sourceSubnet' in spec && spec.sourceSubnet ? { sourceSubnet: spec.sourceSubnet } : {}),
    sniHosts: 'sniHosts' in spec ? (spec.sniHosts ?? []).map((host) => host.toLowerCase()) : [],
  };
}

interface SourceSpec {
  readonly gateways?: readonly string[];
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  readonly port?: number;
}

function sourceMatch(spec: SourceSpec, namespace: string): SourceMatch {
  return {
    ...(spec.gateways === undefined || spec.gateways.length === 0
      ? {}
      : { gateways: gatewayNames(spec.gateways, namespace) }),
    sourceLabels: spec.sourceLabels ?? {},
    sourceNamespace: spec.sourceNamespace ?? '',
    ...(spec.port === undefined || spec.port === 0 ? {} : { port: spec.port }),
  };
}

function pathMatch(match: StringMatch, ignoreCase: boolean): TextMatch {
  const text = textMatch(match);
  // A path is always there: a match that says nothing, or the prefix '', holds for all.
  if (text.type === 'present' || text.value === '') return { type: 'prefix', value: '/' };
  return ignoreCase ? { ...text, ignoreCase } : text;
}

function optionalText<K extends string>(key: K, match: StringMatch | undefined): { [P in K]?: TextMatch } {
  return match === undefined ? {} : ({ [key]: textMatch(match) } as { [P in K]?: TextMatch });
}

/** A match without content, and the regex `*`, which RE2 does not know, mean that the value is there (Istio). */
export function textMatch(match: StringMatch): TextMatch {
  if (match.exact !== undefined) return { type: 'exact', value: match.exact };
  if (match.prefix !== undefined) return { type: 'prefix', value: match.prefix };
  if (match.regex !== undefined && match.regex !== '*') return { type: 'regex', value: match.regex };
  return { type: 'present' };
}

/** In order of name: the order in a map says nothing. */
function namedMatches(matches: Readonly<Record<string, StringMatch>> = {}, invert: boolean): NamedMatch[] {
  return Object.keys(matches)
    .sort()
    .map((name) => ({ name, match: textMatch(matches[name] ?? {}), invert }));
}
