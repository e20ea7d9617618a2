import type { ObjectAnswer, ObjectReport } from '../server/contract.ts';
import { ageText, table } from './table.ts';

/**
 * Whether the object as it is written is in use on every proxy that it concerns, and on one at least; or would be as soon as
 * a workload needs it.
 */
export function isLive({ object: { state, live }, onDemand }: ObjectAnswer): boolean {
  return state === 'ok' && live.proxies === live.of && (live.of > 0 || onDemand);
}

/** `VirtualService default/reviews is live on 3 of 3 proxies`, or what keeps it from that. */
export function standingText({ object, onDemand }: ObjectAnswer): string {
  const { state, live } = object;
  const unused = onDemand
    ? 'is live: proxies get it when their workloads first need it'
    : 'concerns no proxy';
  const where =
    live.of === 0
      ? unused
      : `is live on ${live.proxies} of ${live.of} ${live.of === 1 ? 'proxy' : 'proxies'}`;
  if (state === 'ok') return `${nameOf(object)} ${where}`;
  if (state === 'stale')
    return `${nameOf(object)} is not in use as it is written; an earlier version ${where}`;
  return `${nameOf(object)} is not in use`;
}

/** All that is known of an object, for people. */
export function objectText(answer: ObjectAnswer): string {
  const { object, proxies, nowMs } = answer;
  const { file, errors, warnings } = object;
  const rows = proxies.map(({ proxy, state, sinceMs, message = '' }) => [
    proxy,
    state,
    sinceMs === undefined ? '' : ageText(nowMs - sinceMs),
    message,
  ]);
  return [
    `${standingText(answer)}  [${file}:${object.line}]\n`,
    ...[...errors, ...warnings].map(
      ({ field, message, line }) => `  ${file}:${line} ${field === '' ? '' : `${field}: `}${message}\n`,
    ),
    table(['PROXY', 'STATE', 'SINCE', ''], rows),
  ].join('');
}

function nameOf({ kind, namespace, name }: ObjectReport): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}
