import { portProblem } from '../../check/port.ts';
import { setFields } from '../../istio/shared/exclusive.ts';
import type { Report } from '../../report.ts';
import { bool, type Infer, int32, list, message, oneOf, text, texts } from '../../schema.ts';
import { checkHeaderModifier, headerModifier } from './header-modifier.ts';
import { checkLimits } from './limits.ts';
import { hostnameProblem } from './names.ts';
import { backendObjectRef, checkBackendRef, checkRefNames, localRef } from './references.ts';

const requestMirror = message(
  { backendRef: backendObjectRef },
  { percent: int32, fraction: message({ numerator: int32 }, { denominator: int32 }) },
);
export type RequestMirror = Infer<typeof requestMirror>;

const pathModifier = message(
  { type: oneOf('ReplaceFullPath', 'ReplacePrefixMatch') },
  { replaceFullPath: text, replacePrefixMatch: text },
);
export type PathModifier = Infer<typeof pathModifier>;

const methods = oneOf('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '*');

/** The filters that gRPC routes have; all of them hold for HTTP routes too. */
export const commonFilterFields = {
  requestHeaderModifier: headerModifier,
  responseHeaderModifier: headerModifier,
  requestMirror,
  extensionRef: localRef,
};

/** The filters that only HTTP routes have. */
export const httpFilterFields = {
  requestRedirect: message(
    {},
    { scheme: oneOf('http', 'https'), hostname: text, path: pathModifier, port: int32, statusCode: int32 },
  ),
  urlRewrite: message({}, { hostname: text, path: pathModifier }),
  cors: message(
    {},
    {
      allowOrigins: texts,
      allowMethods: list(methods),
      allowHeaders: texts,
      exposeHeaders: texts,
      maxAge: int32,
      allowCredentials: bool,
    },
  ),
  externalAuth: message(
    { protocol: oneOf('HTTP', 'GRPC'), backendRef: backendObjectRef },
    {
      grpc: message({}, { allowedHeaders: texts }),
      http: message({}, { path: text, allowedHeaders: texts, allowedResponseHeaders: texts }),
      forwardBody: message({}, { maxSize: int32 }),
    },
  ),
};

export const grpcRouteFilter = message(
  { type: oneOf('RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef') },
  commonFilterFields,
);
export type GrpcRouteFilter = Infer<typeof grpcRouteFilter>;

export const httpRouteFilter = message(
  {
    type: oneOf(
      'RequestHeaderModifier',
      'ResponseHeaderModifier',
      'RequestMirror',
      'RequestRedirect',
      'URLRewrite',
      'ExtensionRef',
      'CORS',
      'ExternalAuth',
    ),
  },
  { ...commonFilterFields, ...httpFilterFields },
);
export type HttpRouteFilter = Infer<typeof httpRouteFilter>;

const FIELD_OF: Readonly<Record<HttpRouteFilter['type'], string>> = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  ExtensionRef: 'extensionRef',
  CORS: 'cors',
  ExternalAuth: 'externalAuth',
};

/** Filters of which a rule may have one. */
const ONCE: readonly string[] = [
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
  'CORS',
  'ExternalAuth',
];

/** Each filter has the field of its type and no other; no doubles; a redirect is not rewritten. */
export function checkFilters(filters: readonly HttpRouteFilter[] | undefined, report: Report): void {
  const seen = new Set<string>();
  for (const [i, filter] of (filters ?? []).entries()) {
    const at = report.at('filters', i);
    const own = FIELD_OF[filter.type];
    if (setFields(filter, [own]).length === 0)
      at.error(own, `${own} is required for a filter of type ${filter.type}`);
    for (const other of setFields(filter, Object.values(FIELD_OF)))
      if (other !== own) at.error(other, `${other} does not belong to a filter of type ${filter.type}`);
    if (seen.has(filter.type) && ONCE.includes(filter.type))
      at.error('type', `there is already a filter of type ${filter.type}; put both into one`);
    seen.add(filter.type);
    checkFilter(filter, at);
  }
  if (seen.has('RequestRedirect') && seen.has('URLRewrite'))
    report.error('filters', 'RequestRedirect cannot be combined with URLRewrite; keep one of the two');
}

function checkFilter(filter: HttpRouteFilter, report: Report): void {
  checkHeaderModifier(filter.requestHeaderModifier, report.at('requestHeaderModifier'));
  checkHeaderModifier(filter.responseHeaderModifier, report.at('responseHeaderModifier'));
  if (filter.extensionRef !== undefined) checkRefNames(filter.extensionRef, report.at('extensionRef'));
  if (filter.requestMirror !== undefined) checkMirror(filter.requestMirror, report.at('requestMirror'));
  for (const field of ['requestRedirect', 'urlRewrite'] as const) {
    const change = filter[field];
    if (change === undefined) continue;
    const problem = change.hostname === undefined ? undefined : hostnameProblem(change.hostname, false);
    if (problem !== undefined) report.error([field, 'hostname'], problem);
    checkPathModifier(change.path, report.at(field, 'path'));
  }
  if (filter.cors !== undefined) checkCors(filter.cors, report.at('cors'));
  if (filter.externalAuth !== undefined) checkAuth(filter.externalAuth, report.at('externalAuth'));
  const { statusCode = 302, port } = filter.requestRedirect ?? {};
  if (![301, 302, 303, 307, 308].includes(statusCode))
    report.error(
      ['requestRedirect', 'statusCode'],
      `${statusCode} is not possible; use 301, 302, 303, 307 or 308`,
    );
  const problem = port === undefined ? undefined : portProblem(port);
  if (problem !== undefined) report.error(['requestRedirect', 'port'], problem);
}

type Cors = NonNullable<HttpRouteFilter['cors']>;
const ORIGIN = /^\*$|^https?:\/\/(?:(?:\*\.)?(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(?::[0-9]{1,5})?$/;

function checkCors(cors: Cors, report: Report): void {
  checkLimits(cors, ['allowOrigins', 'allowHeaders', 'exposeHeaders'], report);
  for (const field of ['allowOrigins', 'allowMethods', 'allowHeaders'] as const) {
    const values: readonly string[] = cors[field] ?? [];
    if (values.length > 1 && values.includes('*'))
      report.error(field, '"*" means all, and stands alone; drop it or the others');
  }
  for (const [i, origin] of (cors.allowOrigins ?? []).entries())
    if (!ORIGIN.test(origin))
      report.error(['allowOrigins', i], `"${origin}" is not an origin; write https://host, with its port`);
  if ((cors.maxAge ?? 1) < 1) report.error('maxAge', `${cors.maxAge} is not possible; write 1 or more`);
}

type ExternalAuth = NonNullable<HttpRouteFilter['externalAuth']>;

function checkAuth({ protocol, backendRef, http, grpc, forwardBody }: ExternalAuth, report: Report): void {
  checkBackendRef(backendRef, report.at('backendRef'));
  const own = protocol === 'HTTP' ? 'http' : 'grpc';
  if ((own === 'http' ? http : grpc) === undefined)
    report.error(
      own,
      `${own} is required for protocol ${protocol}; where nothing is to be said write ${own}: {}`,
    );
  if (protocol === 'HTTP' && grpc !== undefined)
    report.error('grpc', 'grpc does not belong to protocol HTTP; use http');
  if (protocol === 'GRPC' && http !== undefined)
    report.error('http', 'http does not belong to protocol GRPC; use grpc');
  if (http?.path !== undefined && !/^\/[!-~]*$/.test(http.path))
    report.error(['http', 'path'], `"${http.path}" does not begin with "/"`);
  if ((forwardBody?.maxSize ?? 0) < 0)
    report.error(['forwardBody', 'maxSize'], `${forwardBody?.maxSize} is not a size`);
}

function checkMirror(mirror: RequestMirror, report: Report): void {
  checkBackendRef(mirror.backendRef, report.at('backendRef'));
  if (mirror.percent !== undefined && mirror.fraction !== undefined)
    report.error('fraction', 'fraction cannot be combined with percent; keep one of the two');
  const { percent = 0 } = mirror;
  if (percent < 0 || percent > 100) report.error('percent', `${percent} is not a percentage; write 0 to 100`);
  const { numerator = 0, denominator = 100 } = mirror.fraction ?? {};
  if (numerator < 0 || denominator < 1 || numerator > denominator)
    report.error(
      'fraction',
      `${numerator}/${denominator} is not a share; the numerator is 0 to the denominator`,
    );
}

function checkPathModifier(path: PathModifier | undefined, report: Report): void {
  if (path === undefined) return;
  const own = path.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch';
  if (path[own] === undefined) report.error(own, `${own} is required for type ${path.type}`);
  for (const other of setFields(path, ['replaceFullPath', 'replacePrefixMatch']))
    if (other !== own) report.error(other, `${other} does not belong to type ${path.type}`);
}
