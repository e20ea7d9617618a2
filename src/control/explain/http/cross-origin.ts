import { isInShare, perMillion } from '../../../xds/match/fraction.ts';
import { compileStringMatcher } from '../../../xds/match/string-matcher.ts';
import type { AnyMessage, StringMatcher } from '../../../xds/resources.ts';
import type { Scene } from '../scene.ts';
import { type Headers, headerOf, type Request, type Response, withHeader } from './request.ts';

interface Policy {
  readonly allow_origin_string_match?: readonly StringMatcher[];
  readonly allow_methods?: string;
  readonly allow_headers?: string;
  readonly expose_headers?: string;
  readonly max_age?: string;
  readonly allow_credentials?: boolean;
  readonly forward_not_matching_preflights?: boolean;
  readonly filter_enabled?: { readonly default_value?: Parameters<typeof perMillion>[0] };
}

/** CORS: the answer to a preflight, or what is added to the answer that comes. */
export function crossOrigin(
  scene: Scene,
  config: AnyMessage,
  request: Request,
): Response | ((response: Response) => Response) | undefined {
  const policy = config as AnyMessage & Policy;
  const origin = headerOf(request.headers, 'origin') ?? '';
  if (!config['@type'].endsWith('.CorsPolicy') || origin === '' || !isEnabled(policy)) return undefined;
  const origins = policy.allow_origin_string_match ?? [];
  const allowed = origins.some((matcher) => compileStringMatcher(matcher, () => {}, '')(origin));
  const asked = headerOf(request.headers, 'access-control-request-method') ?? '';
  if (request.method === 'OPTIONS' && asked !== '') {
    if (allowed) return preflight(scene, policy, origin, request);
    if (policy.forward_not_matching_preflights !== false) return undefined;
    return { status: 200, headers: [], body: '', details: 'cors_response' };
  }
  return allowed ? (response) => readable(response, policy, origin) : undefined;
}

function isEnabled({ filter_enabled }: Policy): boolean {
  return filter_enabled === undefined || isInShare(perMillion(filter_enabled.default_value), 0);
}

function preflight(scene: Scene, policy: Policy, origin: string, { headers: sent }: Request): Response {
  scene.trace.step(`the proxy answers the preflight of ${origin}`);
  const named: readonly (readonly [string, string | undefined])[] = [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', policy.allow_credentials === true ? 'true' : undefined],
    ['access-control-expose-headers', policy.expose_headers],
    ['access-control-allow-methods', echoed(policy.allow_methods, sent, 'access-control-request-method')],
    ['access-control-allow-headers', echoed(policy.allow_headers, sent, 'access-control-request-headers')],
    ['access-control-max-age', policy.max_age],
  ];
  const headers: Headers = named.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value]],
  );
  return { status: 200, headers, body: '', details: 'cors_response' };
}

/** `*` allows what is asked for, in the words of the question. */
function echoed(allowed: string | undefined, sent: Headers, asking: string): string | undefined {
  return allowed === '*' ? headerOf(sent, asking) : allowed;
}

function readable(response: Response, policy: Policy, origin: string): Response {
  let headers = withHeader(response.headers, 'access-control-allow-origin', origin);
  if (policy.allow_credentials === true)
    headers = withHeader(headers, 'access-control-allow-credentials', 'true');
  const exposed = policy.expose_headers ?? '';
  if (exposed !== '') headers = withHeader(headers, 'access-control-expose-headers', exposed);
  return { ...response, headers };
}
