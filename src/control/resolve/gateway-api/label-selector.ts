import type { LabelSelector } from '../../../api/gateway/shared/listeners.ts';
import type { Labels } from '../../../mesh/workload.ts';

/** Whether labels are selected; an empty selector selects all, one with an unknown operator nothing. */
export function selectsLabels({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  const plain = Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return plain && (matchExpressions ?? []).every((expression) => holds(expression, labels));
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

function holds({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const value = labels[key];
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (operator === 'In') return value !== undefined && values.includes(value);
  return operator === 'NotIn' && (value === undefined || !values.includes(value));
}
