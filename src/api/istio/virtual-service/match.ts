import { matchedHeaderProblem } from '../../check/header.ts';
import { isDnsLabel } from '../../check/host.ts';
import { checkLabels } from '../../check/labels.ts';
import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { bool, type Infer, mapOf, mapOrEmpty, message, text, textMap, texts, uint32 } from '../../schema.ts';
import { checkStringMatch, type StringMatch, stringMatch } from '../shared/string-match.ts';
import { checkGatewayNames } from './gateway-names.ts';

/** Conditions on a request; all that are set must hold. */
export const httpMatch = message(
  {},
  {
    name: text,
    uri: stringMatch,
    scheme: stringMatch,
    method: stringMatch,
    authority: stringMatch,
    headers: mapOf(stringMatch),
    port: uint32,
    sourceLabels: textMap,
    gateways: texts,
    queryParams: mapOrEmpty(stringMatch),
    ignoreUriCase: bool,
    withoutHeaders: mapOrEmpty(stringMatch),
    sourceNamespace: text,
    statPrefix: text,
  },
);
export type HttpMatch = Infer<typeof httpMatch>;

/** Names of headers, string matches, port, source and gateways of one match. */
export function checkHttpMatch(match: HttpMatch, report: Report): void {
  checkStringMatch(match.uri, report.at('uri'), { emptyPrefix: true });
  for (const field of ['scheme', 'method', 'authority'] as const)
    checkStringMatch(match[field], report.at(field));
  for (const [name, value] of Object.entries(match.queryParams ?? {}))
    checkStringMatch(value, report.at('queryParams', name));
  checkHeaderMatches(match.headers ?? {}, report.at('headers'));
  // In withoutHeaders the regex "*" is not an expression: it stands for "has the header".
  const without = Object.entries(match.withoutHeaders ?? {});
  const [absent, others] = [
    without.filter(([, value]) => value.regex === '*'),
    without.filter(([, value]) => value.regex !== '*'),
  ];
  for (const [name] of absent) checkHeaderName(name, report.at('withoutHeaders'));
  checkHeaderMatches(Object.fromEntries(others), report.at('withoutHeaders'));
  checkConnection(match, report);
}

function checkHeaderMatches(matches: Readonly<Record<string, StringMatch>>, report: Report): void {
  for (const [name, value] of Object.entries(matches)) {
    checkHeaderName(name, report);
    checkStringMatch(value, report.at(name));
  }
}

function checkHeaderName(name: string, report: Report): void {
  const problem = matchedHeaderProblem(name);
  if (problem !== undefined) report.error(name, problem);
}

function checkConnection(match: HttpMatch, report: Report): void {
  const port = match.port === undefined || match.port === 0 ? undefined : portProblem(match.port);
  if (port !== undefined) report.error('port', port);
  checkLabels(match.sourceLabels, report, 'sourceLabels');
  checkGatewayNames(match.gateways, report);
  if (
    match.sourceNamespace !== undefined &&
    match.sourceNamespace !== '' &&
    !isDnsLabel(match.sourceNamespace)
  )
    report.error(
      'sourceNamespace',
      `"${match.sourceNamespace}" is not a namespace; use letters, digits and "-"`,
    );
}
