import { checkDuration, durationMs } from '../../check/duration.ts';
import { headerNameProblem } from '../../check/header.ts';
import { regexProblem } from '../../check/regex.ts';
import type { Report } from '../../report.ts';
import { bool, duration, type Infer, list, message, oneOf, texts } from '../../schema.ts';
import { checkAtMostOne } from '../shared/exclusive.ts';
import { type StringMatch, stringMatch } from '../shared/string-match.ts';

/** Which origins' scripts may call, answered by the proxy (fetch.spec.whatwg.org, CORS protocol). */
export const corsPolicy = message(
  {},
  {
    allowOrigin: texts,
    allowOrigins: list(stringMatch),
    allowMethods: texts,
    allowHeaders: texts,
    exposeHeaders: texts,
    maxAge: duration,
    allowCredentials: bool,
    unmatchedPreflights: oneOf('UNSPECIFIED', 'FORWARD', 'IGNORE'),
  },
);
export type CorsPolicy = Infer<typeof corsPolicy>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*'];

/** Origins, methods, names of headers, and a maxAge in whole seconds. */
export function checkCors(policy: CorsPolicy | undefined, report: Report): void {
  if (policy === undefined) return;
  for (const [i, origin] of (policy.allowOrigins ?? []).entries())
    checkOrigin(origin, report.at('allowOrigins', i));
  for (const [i, method] of (policy.allowMethods ?? []).entries())
    if (!METHODS.includes(method))
      report.error(['allowMethods', i], `"${method}" is not an HTTP method; use ${METHODS.join(', ')}`);
  for (const field of ['allowHeaders', 'exposeHeaders'] as const)
    for (const [i, name] of (policy[field] ?? []).entries()) {
      const problem = headerNameProblem(name);
      if (problem !== undefined) report.error([field, i], problem);
    }
  checkDuration(policy.maxAge, report, 'maxAge');
  if (policy.maxAge !== undefined && durationMs(policy.maxAge) % 1000 !== 0)
    report.error('maxAge', `${policy.maxAge} is too fine; browsers count maxAge in whole seconds`);
}

function checkOrigin(origin: StringMatch, report: Report): void {
  checkAtMostOne(origin, ['exact', 'prefix', 'regex'], report);
  if ((origin.exact || origin.prefix || origin.regex || '') === '')
    report.error([], 'an origin needs exact, prefix or regex with a text');
  else if (origin.regex !== undefined) {
    const problem = regexProblem(origin.regex);
    if (problem !== undefined) report.error('regex', problem);
  }
}
