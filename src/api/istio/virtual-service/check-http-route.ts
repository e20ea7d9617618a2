import { checkDuration } from '../../check/duration.ts';
import { isAuthorityHeader } from '../../check/header.ts';
import type { Report } from '../../report.ts';
import { checkDestination } from '../shared/destination.ts';
import { setFields } from '../shared/exclusive.ts';
import { checkHeaders } from '../shared/headers.ts';
import { checkHttpRetry } from '../shared/http-retry.ts';
import { checkPercent } from '../shared/percent.ts';
import { checkCors } from './cors.ts';
import { checkFault } from './fault.ts';
import type { HttpRoute } from './http-route.ts';
import { checkHttpMatch } from './match.ts';
import { checkDirectResponse, checkRedirect, checkRewrite } from './rewrite.ts';
import { checkRouteDestinations } from './route-destination.ts';

/** One HTTP rule. `delegated`: the VirtualService has no hosts and so is included by another one. */
export function checkHttpRoute(route: HttpRoute, delegated: boolean, report: Report): void {
  checkConflicts(route, delegated, report);
  for (const [i, match] of (route.match ?? []).entries()) checkHttpMatch(match, report.at('match', i));
  checkHeaders(route.headers, report.at('headers'));
  checkCors(route.corsPolicy, report.at('corsPolicy'));
  checkFault(route.fault, report.at('fault'));
  checkMirrors(route, report);
  checkRedirect(route.redirect, route.match ?? [], report.at('redirect'));
  checkDirectResponse(route.directResponse, report.at('directResponse'));
  checkHttpRetry(route.retries, report.at('retries'));
  checkRewrite(route.rewrite, report.at('rewrite'));
  checkOneAuthority(route, report);
  checkRouteDestinations(route.route, report);
  for (const [i, target] of (route.route ?? []).entries())
    checkHeaders(target.headers, report.at('route', i, 'headers'));
  checkDuration(route.timeout, report, 'timeout');
}

/** What a rule does with a request is one thing: delegate, redirect, answer directly, or route. */
function checkConflicts(route: HttpRoute, delegated: boolean, report: Report): void {
  if (route.delegate !== undefined) {
    if (delegated) report.error('delegate', 'a delegate cannot delegate further; put its rules here');
    else {
      reportConflicts(route, 'delegate', ['redirect', 'route'], report);
      return;
    }
  }
  if (route.redirect !== undefined)
    reportConflicts(route, 'redirect', ['route', 'fault', 'rewrite', 'directResponse'], report);
  else if (route.directResponse !== undefined)
    reportConflicts(route, 'directResponse', ['route', 'fault', 'rewrite'], report);
  else if ((route.route ?? []).length === 0)
    report.error('route', 'this rule does nothing with the request; set route, redirect or directResponse');
  if (route.mirror !== undefined && (route.mirrors ?? []).length > 0)
    report.error('mirrors', 'mirrors cannot be combined with mirror; keep mirrors');
}

function reportConflicts(route: HttpRoute, action: string, fields: readonly string[], report: Report): void {
  for (const field of setFields(route, fields))
    report.error(field, `${field} cannot be combined with ${action}; keep one of the two`);
}

function checkMirrors(route: HttpRoute, report: Report): void {
  checkDestination(route.mirror, report.at('mirror'));
  checkPercent(route.mirrorPercent, report, 'mirrorPercent');
  if (route.mirrorPercent !== undefined)
    report.warn('mirrorPercent', 'mirrorPercent is old; use mirrorPercentage: {value: 10}');
  checkPercent(route.mirrorPercentage?.value, report.at('mirrorPercentage'), 'value');
  for (const [i, mirror] of (route.mirrors ?? []).entries()) {
    checkDestination(mirror.destination, report.at('mirrors', i, 'destination'));
    checkPercent(mirror.percentage?.value, report.at('mirrors', i, 'percentage'), 'value');
  }
}

/** The authority may be set by `rewrite.authority` or by one header operation, not by both. */
function checkOneAuthority(route: HttpRoute, report: Report): void {
  let setBy = route.rewrite?.authority ? 'rewrite.authority' : undefined;
  for (const field of ['set', 'add'] as const)
    for (const name of Object.keys(route.headers?.request?.[field] ?? {})) {
      if (!isAuthorityHeader(name)) continue;
      if (setBy !== undefined)
        report.error(
          ['headers', 'request', field, name],
          `the authority is already set by ${setBy}; keep one of the two`,
        );
      setBy = `headers.request.${field}`;
    }
}
