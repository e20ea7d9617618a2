import type {
  ConditionReport,
  GatewayApiReport,
  ObjectAnswer,
  ObjectReport,
  ReferenceReport,
} from '../server/contract.ts';
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
    answer.status === undefined ? '' : conditionTable(answer.status),
  ].join('');
}

/** What the Gateway API says of the object, place by place. */
function conditionTable({ conditions, listeners, parents, ancestors }: GatewayApiReport): string {
  const places: readonly (readonly [place: string, list: readonly ConditionReport[]])[] = [
    ['', conditions ?? []],
    ...(listeners ?? []).map(
      ({ name, attachedRoutes, conditions: list }) =>
        [`listener ${name}, routes: ${attachedRoutes}`, list] as const,
    ),
    ...(parents ?? []).map(({ parentRef, conditions: list }) => [refText(parentRef), list] as const),
    ...(ancestors ?? []).map(({ ancestorRef, conditions: list }) => [refText(ancestorRef), list] as const),
  ];
  const rows = places.flatMap(([place, list]) =>
    list.map(({ type, status, reason, message }, i) => [i === 0 ? place : '', type, status, reason, message]),
  );
  return rows.length === 0 ? '' : `\n${table(['OF', 'CONDITION', '', 'REASON', ''], rows)}`;
}

function refText({ kind = 'Gateway', namespace, name, sectionName, port }: ReferenceReport): string {
  const place = [sectionName, port].filter((part) => part !== undefined).join(' ');
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}${place === '' ? '' : ` (${place})`}`;
}

function nameOf({ kind, namespace, name }: ObjectReport): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}
