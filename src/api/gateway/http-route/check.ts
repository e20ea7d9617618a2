import { parseGoDurationMs } from '../../../lib/duration.ts';
import type { Report } from '../../report.ts';
import { checkFilters, type HttpRouteFilter } from '../shared/filters.ts';
import { checkLimits, checkRuleNames } from '../shared/limits.ts';
import { gatewayDurationProblem, hostnameProblem, sectionNameProblem } from '../shared/names.ts';
import { type BackendRef, checkBackendRef, checkParentRefs, type ParentRef } from '../shared/references.ts';
import { checkSessionPersistence, type SessionPersistence } from '../shared/session-persistence.ts';
import { checkHttpRouteMatch, type HttpRouteMatch } from './match.ts';

interface Rule {
  readonly name?: string;
  readonly matches?: readonly HttpRouteMatch[];
  readonly filters?: readonly HttpRouteFilter[];
  readonly backendRefs?: readonly (BackendRef & { readonly filters?: readonly HttpRouteFilter[] })[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly sessionPersistence?: SessionPersistence;
  readonly retry?: {
    readonly codes?: readonly number[];
    readonly attempts?: number;
    readonly backoff?: string;
  };
}

interface Route {
  readonly parentRefs?: readonly ParentRef[];
  readonly hostnames?: readonly string[];
  readonly rules?: readonly Rule[];
}

/** Parents, host names and rules of an HTTPRoute. */
export function checkHttpRoute(route: Route, report: Report): void {
  checkParentRefs(route.parentRefs, report);
  checkHostnames(route.hostnames, report);
  if (route.rules?.length === 0)
    report.error('rules', 'an empty list says nothing; leave rules out, or write one');
  checkLimits(route, ['hostnames', 'rules'], report);
  checkRuleNames(route.rules ?? [], report);
  for (const [i, rule] of (route.rules ?? []).entries()) checkRule(rule, report.at('rules', i));
}

/** Host names of any route; wildcards are allowed. */
export function checkHostnames(hostnames: readonly string[] | undefined, report: Report): void {
  for (const [i, hostname] of (hostnames ?? []).entries()) {
    const problem = hostnameProblem(hostname, true);
    if (problem !== undefined) report.error(['hostnames', i], problem);
  }
}

function checkRule(rule: Rule, report: Report): void {
  const name = rule.name === undefined ? undefined : sectionNameProblem(rule.name);
  if (name !== undefined) report.error('name', name);
  for (const [i, match] of (rule.matches ?? []).entries())
    checkHttpRouteMatch(match, report.at('matches', i));
  checkLimits(rule, ['matches', 'filters', 'backendRefs'], report);
  checkFilters(rule.filters, report);
  for (const [i, backend] of (rule.backendRefs ?? []).entries()) {
    checkBackendRef(backend, report.at('backendRefs', i));
    checkFilters(backend.filters, report.at('backendRefs', i));
  }
  const redirect = (rule.filters ?? []).findIndex((filter) => filter.type === 'RequestRedirect');
  if (redirect >= 0 && (rule.backendRefs ?? []).length > 0)
    report.error('backendRefs', 'a rule that redirects has no backends; drop one of the two');
  checkPrefixReplacement(rule, report);
  checkTimes(rule, report);
  checkSessionPersistence(rule.sessionPersistence, report.at('sessionPersistence'));
}

/** What replaces a prefix must know which prefix: one match, by path prefix. */
function checkPrefixReplacement(rule: Rule, report: Report): void {
  const { matches } = rule;
  const onePrefix =
    matches === undefined ||
    (matches.length === 1 && (matches[0]?.path?.type ?? 'PathPrefix') === 'PathPrefix');
  if (onePrefix) return;
  const ofBackends = (rule.backendRefs ?? []).map(({ filters }, i) => ({ filters, at: ['backendRefs', i] }));
  for (const { filters = [], at } of [{ filters: rule.filters, at: [] }, ...ofBackends])
    for (const [i, filter] of filters.entries())
      for (const field of ['requestRedirect', 'urlRewrite'] as const)
        if (filter[field]?.path?.replacePrefixMatch !== undefined)
          report.error(
            [...at, 'filters', i, field, 'path'],
            'replacePrefixMatch needs exactly one match, of type PathPrefix',
          );
}

function checkTimes(rule: Rule, report: Report): void {
  for (const field of ['request', 'backendRequest'] as const)
    checkTime(rule.timeouts?.[field], report, ['timeouts', field]);
  checkTime(rule.retry?.backoff, report, ['retry', 'backoff']);
  const requestMs = parseGoDurationMs(rule.timeouts?.request ?? '0s') ?? 0;
  const backendMs = parseGoDurationMs(rule.timeouts?.backendRequest ?? '0s') ?? 0;
  if (requestMs > 0 && backendMs > requestMs)
    report.error(
      ['timeouts', 'backendRequest'],
      'one try cannot take longer than the whole request; make it at most timeouts.request',
    );
  if ((rule.retry?.attempts ?? 0) < 0)
    report.error(['retry', 'attempts'], `${rule.retry?.attempts} is not a number of tries`);
  for (const [i, code] of (rule.retry?.codes ?? []).entries())
    if (code < 400 || code > 599)
      report.error(['retry', 'codes', i], `${code} is not an error; use 400 to 599`);
}

function checkTime(duration: string | undefined, report: Report, steps: readonly string[]): void {
  const problem = duration === undefined ? undefined : gatewayDurationProblem(duration);
  if (problem !== undefined) report.error(steps, problem);
}
