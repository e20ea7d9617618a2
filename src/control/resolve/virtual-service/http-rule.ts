import { durationMs } from '../../../api/check/duration.ts';
import type { Destination as DestinationSpec } from '../../../api/istio/shared/destination.ts';
import type { Headers } from '../../../api/istio/shared/headers.ts';
import type { HttpRetry } from '../../../api/istio/shared/http-retry.ts';
import type { CorsPolicy } from '../../../api/istio/virtual-service/cors.ts';
import type { HttpRoute } from '../../../api/istio/virtual-service/http-route.ts';
import type { HttpRewrite } from '../../../api/istio/virtual-service/rewrite.ts';
import { fullHost } from '../../../mesh/hostname.ts';
import type { Origin } from '../../../mesh/origin.ts';
import type {
  Cors,
  Destination,
  HeaderChanges,
  HeaderPolicy,
  HttpAction,
  HttpRule,
  Mirror,
  Retries,
  Rewrite,
  WeightedDestination,
} from '../../../mesh/route.ts';
import { httpFault } from './fault.ts';
import { httpMatch, textMatch } from './matches.ts';
import { redirect } from './redirect.ts';

/** Where a rule is written: for short names, and for its origin. */
export interface RuleContext {
  readonly namespace: string;
  readonly clusterDomain: string;
  /** The rule's place: `spec.http[0]`. */
  readonly origin: Origin;
}

/** One entry of a VirtualService's `http`. */
export function httpRule(spec: HttpRoute, context: RuleContext): HttpRule {
  return {
    name: spec.name ?? '',
    matches: (spec.match ?? []).map((match) => httpMatch(match, context.namespace)),
    action: action(spec, context),
    ...(spec.timeout === undefined ? {} : { timeoutMs: durationMs(spec.timeout) }),
    ...(spec.retries === undefined ? {} : { retries: retries(spec.retries) }),
    ...(spec.rewrite === undefined ? {} : { rewrite: rewrite(spec.rewrite) }),
    ...(spec.fault === undefined ? {} : { fault: httpFault(spec.fault) }),
    mirrors: mirrors(spec, context),
    ...(spec.headers === undefined ? {} : { headers: headerPolicy(spec.headers) }),
    ...(spec.corsPolicy === undefined ? {} : { cors: cors(spec.corsPolicy) }),
    origin: context.origin,
  };
}

function action(spec: HttpRoute, context: RuleContext): HttpAction {
  if (spec.redirect !== undefined) return redirect(spec.redirect);
  if (spec.directResponse !== undefined) {
    const { status, body } = spec.directResponse;
    return {
      type: 'respond',
      status,
      ...(body?.string === undefined ? {} : { text: body.string }),
      ...(body?.bytes === undefined ? {} : { base64: body.bytes }),
    };
  }
  return { type: 'forward', destinations: weightedDestinations(spec.route ?? [], context) };
}

interface RouteDestinationSpec {
  readonly destination: DestinationSpec;
  readonly weight?: number;
  readonly headers?: Headers;
}

/** Destinations with their shares; a lone one needs no weight, others without one get nothing. */
export function weightedDestinations(
  specs: readonly RouteDestinationSpec[],
  context: RuleContext,
): WeightedDestination[] {
  return specs.map((spec, i) => ({
    destination: destination(spec.destination, context),
    weight: specs.length === 1 ? 100 : (spec.weight ?? 0),
    ...(spec.headers === undefined ? {} : { headers: headerPolicy(spec.headers) }),
    origin: { ...context.origin, field: `${context.origin.field}.route[${i}]` },
  }));
}

function destination(spec: DestinationSpec, context: RuleContext): Destination {
  return {
    host: fullHost(spec.host, context.namespace, context.clusterDomain),
    subset: spec.subset ?? '',
    ...(spec.port?.number === undefined ? {} : { port: spec.port.number }),
  };
}

/** The policy of `retries`, as far as it is written; defaults come with emitting. */
export function retries(spec: HttpRetry): Retries {
  return {
    attempts: Math.max(0, spec.attempts ?? 0),
    ...(spec.perTryTimeout === undefined ? {} : { perTryTimeoutMs: durationMs(spec.perTryTimeout) }),
    ...(spec.retryOn === undefined || spec.retryOn === '' ? {} : { retryOn: spec.retryOn }),
    ...(spec.backoff === undefined ? {} : { backoffMs: durationMs(spec.backoff) }),
    remoteLocalities: spec.retryRemoteLocalities === true,
    ...(spec.retryIgnorePreviousHosts === undefined
      ? {}
      : { ignorePreviousHosts: spec.retryIgnorePreviousHosts }),
  };
}

function rewrite(spec: HttpRewrite): Rewrite {
  const { match, rewrite: replacement } = spec.uriRegexRewrite ?? {};
  return {
    ...(spec.uri === undefined || spec.uri === '' ? {} : { path: spec.uri }),
    ...(match === undefined || replacement === undefined ? {} : { pathRegex: { match, replacement } }),
    ...(spec.authority === undefined || spec.authority === '' ? {} : { authority: spec.authority }),
  };
}

/** `mirror` with its percentage (three spellings over time; all requests by default), then `mirrors`. */
function mirrors(spec: HttpRoute, context: RuleContext): Mirror[] {
  const percent =
    spec.mirrorPercentage === undefined ? (spec.mirrorPercent ?? 100) : (spec.mirrorPercentage.value ?? 0);
  const all: Mirror[] =
    spec.mirror === undefined ? [] : [{ destination: destination(spec.mirror, context), percent }];
  for (const mirror of spec.mirrors ?? []) {
    const percent = mirror.percentage === undefined ? 100 : (mirror.percentage.value ?? 0);
    all.push({ destination: destination(mirror.destination, context), percent });
  }
  return all.filter((mirror) => mirror.percent > 0);
}

function headerPolicy(spec: Headers): HeaderPolicy {
  return { request: headerChanges(spec.request), response: headerChanges(spec.response) };
}

function headerChanges(spec: NonNullable<Headers['request']> = {}): HeaderChanges {
  return { set: sorted(spec.set), add: sorted(spec.add), remove: spec.remove ?? [] };
}

function sorted(fields: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.keys(fields)
    .sort()
    .map((name) => [name, fields[name] ?? '']);
}

function cors(spec: CorsPolicy): Cors {
  const exact = (spec.allowOrigin ?? []).map((origin) => textMatch({ exact: origin }));
  return {
    origins: spec.allowOrigins === undefined ? exact : spec.allowOrigins.map(textMatch),
    methods: spec.allowMethods ?? [],
    headers: spec.allowHeaders ?? [],
    exposeHeaders: spec.exposeHeaders ?? [],
    ...(spec.maxAge === undefined ? {} : { maxAgeMs: durationMs(spec.maxAge) }),
    ...(spec.allowCredentials === undefined ? {} : { credentials: spec.allowCredentials }),
    forwardUnmatchedPreflights: spec.unmatchedPreflights !== 'IGNORE',
  };
}
