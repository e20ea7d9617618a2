import { ipRangeProblem } from '../../check/address.ts';
import { portTextProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { setFields } from '../shared/exclusive.ts';
import { conditionProblem } from './condition.ts';
import { pathTemplateProblem } from './path-template.ts';
import type { AuthorizationRule, Condition, Operation, Source } from './rule.ts';
import { serviceAccountsProblem, trustDomainProblem } from './values.ts';

/** Sources, operations and conditions of one rule. */
export function checkRule(rule: AuthorizationRule, report: Report): void {
  for (const [i, { source }] of (rule.from ?? []).entries())
    checkNotEmpty(source, report.at('from', i), 'source', () =>
      checkSource(source ?? {}, report.at('from', i, 'source')),
    );
  for (const [i, { operation }] of (rule.to ?? []).entries())
    checkNotEmpty(operation, report.at('to', i), 'operation', () =>
      checkOperation(operation ?? {}, report.at('to', i, 'operation')),
    );
  for (const [i, condition] of (rule.when ?? []).entries()) checkCondition(condition, report.at('when', i));
}

function checkNotEmpty(value: object | undefined, report: Report, field: string, check: () => void): void {
  if (value === undefined) report.error(field, `${field} is required here`);
  else if (setFields(value, Object.keys(value)).length === 0)
    report.error(
      field,
      `an empty ${field} says nothing; set one of its fields, or leave the list out to mean everything`,
    );
  else check();
}

const NAMES = ['principals', 'requestPrincipals', 'namespaces'] as const;
const BLOCKS = ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'] as const;

function checkSource(source: Source, report: Report): void {
  const byAccount = setFields(source, ['serviceAccounts', 'notServiceAccounts']);
  const byOther = setFields(source, ['principals', 'notPrincipals', 'namespaces', 'notNamespaces']);
  if (byAccount[0] !== undefined && byOther[0] !== undefined)
    report.error(
      byAccount[0],
      `${byAccount[0]} cannot be combined with ${byOther[0]}; a service account says both`,
    );
  for (const field of [...NAMES, 'notPrincipals', 'notRequestPrincipals', 'notNamespaces'] as const)
    checkEach(source[field], report, field, emptyProblem);
  for (const field of BLOCKS) checkEach(source[field], report, field, ipRangeProblem);
  for (const field of ['trustDomains', 'notTrustDomains'] as const)
    checkEach(source[field], report, field, trustDomainProblem);
  for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) {
    const problem = serviceAccountsProblem(source[field] ?? []);
    if (problem !== undefined) report.error(field, problem);
  }
}

function checkOperation(operation: Operation, report: Report): void {
  for (const field of ['hosts', 'notHosts', 'methods', 'notMethods'] as const)
    checkEach(operation[field], report, field, emptyProblem);
  for (const field of ['ports', 'notPorts'] as const)
    checkEach(operation[field], report, field, portTextProblem);
  for (const field of ['paths', 'notPaths'] as const)
    checkEach(operation[field], report, field, (path) => emptyProblem(path) ?? pathTemplateProblem(path));
}

function checkCondition(condition: Condition, report: Report): void {
  const { key, values = [], notValues = [] } = condition;
  if (key === '') report.error('key', 'key is required: the attribute to look at, such as source.ip');
  else if (values.length + notValues.length === 0)
    report.error('values', `what should ${key} be? Set values or notValues`);
  else {
    const problem = conditionProblem(key, [...values, ...notValues]);
    if (problem !== undefined) report.error(problem.of === 'key' ? 'key' : 'values', problem.message);
  }
}

function checkEach(
  values: readonly string[] | undefined,
  report: Report,
  field: string,
  problemOf: (value: string) => string | undefined,
): void {
  for (const [i, value] of (values ?? []).entries()) {
    const problem = problemOf(value);
    if (problem !== undefined) report.error([field, i], problem);
  }
}

function emptyProblem(value: string): string | undefined {
  return value === ''
    ? 'this entry is empty; fill it in, or write "*" for "any, but there must be one"'
    : undefined;
}
