import { regexProblem } from '../check/regex.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, oneOf, text, texts } from '../schema.ts';
import { checkHostnames } from './http-route/check.ts';
import { checkValueMatches, headerMatches } from './http-route/match.ts';
import { checkFilters, grpcRouteFilter } from './shared/filters.ts';
import { checkLimits, checkRuleNames } from './shared/limits.ts';
import { GATEWAY_API_GROUP, sectionNameProblem } from './shared/names.ts';
import { checkBackendRef, checkParentRefs, parentRefs, weightedBackendRef } from './shared/references.ts';
import { checkSessionPersistence, sessionPersistence } from './shared/session-persistence.ts';

const match = message(
  {},
  {
    method: message({}, { type: oneOf('Exact', 'RegularExpression'), service: text, method: text }),
    headers: headerMatches,
  },
);
type GrpcMatch = Infer<typeof match>;

const backend = message(weightedBackendRef.required, {
  ...weightedBackendRef.optional,
  filters: list(grpcRouteFilter),
});

const rule = message(
  {},
  {
    name: text,
    matches: list(match),
    filters: list(grpcRouteFilter),
    backendRefs: list(backend),
    sessionPersistence,
  },
);
export type GrpcRouteRule = Infer<typeof rule>;

const spec = message(
  {},
  { parentRefs, hostnames: texts, rules: list(rule), useDefaultGateways: oneOf('All', 'None') },
);

/** Spec of a GRPCRoute. */
export type GrpcRouteSpec = Infer<typeof spec>;
export type GrpcRoute = SpecObject<GrpcRouteSpec>;

/** gateway.networking.k8s.io GRPCRoute. */
export const grpcRoute = specKind(
  { group: GATEWAY_API_GROUP, kind: 'GRPCRoute', versions: ['v1'] },
  spec,
  checkGrpcRoute,
);

function checkGrpcRoute(route: GrpcRouteSpec, report: Report): void {
  checkParentRefs(route.parentRefs, report);
  checkHostnames(route.hostnames, report);
  checkLimits(route, ['hostnames', 'rules'], report);
  checkRuleNames(route.rules ?? [], report);
  for (const [i, entry] of (route.rules ?? []).entries()) checkRule(entry, report.at('rules', i));
}

function checkRule(entry: GrpcRouteRule, report: Report): void {
  const name = entry.name === undefined ? undefined : sectionNameProblem(entry.name);
  if (name !== undefined) report.error('name', name);
  for (const [i, condition] of (entry.matches ?? []).entries()) {
    if (condition.method !== undefined) checkMethod(condition.method, report.at('matches', i, 'method'));
    checkLimits(condition, ['headers'], report.at('matches', i));
    checkValueMatches(condition.headers, report.at('matches', i, 'headers'), (header) =>
      header.toLowerCase(),
    );
  }
  checkLimits(entry, ['matches', 'filters', 'backendRefs'], report);
  checkFilters(entry.filters, report);
  checkSessionPersistence(entry.sessionPersistence, report.at('sessionPersistence'));
  for (const [i, target] of (entry.backendRefs ?? []).entries()) {
    checkBackendRef(target, report.at('backendRefs', i));
    checkFilters(target.filters, report.at('backendRefs', i));
  }
}

const MAX_METHOD_LENGTH = 1024;
const NAME_OF = {
  service: /^\.?[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*$/,
  method: /^[A-Za-z_][A-Za-z_0-9]*$/,
};

function checkMethod(method: NonNullable<GrpcMatch['method']>, report: Report): void {
  const { type = 'Exact', service = '', method: name = '' } = method;
  if (service === '' && name === '') report.error([], 'service or method is required');
  for (const [field, value] of [
    ['service', service],
    ['method', name],
  ] as const) {
    const exact =
      value === '' || (value.length <= MAX_METHOD_LENGTH && NAME_OF[field].test(value))
        ? undefined
        : `"${value}" is not the name of a gRPC ${field}`;
    const problem = type === 'Exact' ? exact : value === '' ? undefined : regexProblem(value);
    if (problem !== undefined) report.error(field, problem);
  }
}
