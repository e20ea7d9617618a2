import { regexProblem } from '../../check/regex.ts';
import type { Report } from '../../report.ts';
import { checkAtMostOne, setFields } from '../shared/exclusive.ts';
import {
  checkAttachment,
  checkSelector,
  type LabelsSelector,
  type PolicyTargetRef,
} from '../shared/selector.ts';
import type { ConfigPatch } from './patch.ts';
import { checkTypes } from './types.ts';

interface Patches {
  readonly workloadSelector?: LabelsSelector;
  readonly targetRefs?: readonly PolicyTargetRef[];
  readonly configPatches?: readonly ConfigPatch[];
}

/** Whether each patch says where, what and how, and its match is of the kind of what it changes. */
export function checkEnvoyFilter(filter: Patches, report: Report): void {
  report.warn(
    [],
    'EnvoyFilter changes generated configuration, which may differ in the next release; prefer another API',
  );
  checkAtMostOne(filter, ['workloadSelector', 'targetRefs'], report);
  if (filter.workloadSelector !== undefined)
    checkSelector(filter.workloadSelector.labels, report, ['workloadSelector', 'labels']);
  if (filter.targetRefs !== undefined) checkAttachment({ targetRefs: filter.targetRefs }, report);
  for (const [i, patch] of (filter.configPatches ?? []).entries())
    checkPatch(patch, report.at('configPatches', i));
}

const MATCHES = ['listener', 'routeConfiguration', 'cluster', 'waypoint'];

function checkPatch(patch: ConfigPatch, report: Report): void {
  checkAtMostOne(patch.match, MATCHES, report.at('match'));
  if (patch.match?.context === 'WAYPOINT') return;
  const { operation = 'INVALID', value } = patch.patch ?? {};
  if ((patch.applyTo ?? 'INVALID') === 'INVALID')
    report.error('applyTo', 'applyTo is required: what is changed');
  if (patch.patch === undefined) report.error('patch', 'patch is required: how it is changed');
  else if (operation === 'INVALID')
    report.error(['patch', 'operation'], 'operation is required: MERGE, ADD, REMOVE, ...');
  else if (operation !== 'REMOVE' && value === undefined)
    report.error(['patch', 'value'], `value is required for ${operation}: the piece of Envoy configuration`);
  checkTypes(value, report.at('patch', 'value'));
  checkProxyVersion(patch.match?.proxy?.proxyVersion ?? '', report.at('match', 'proxy', 'proxyVersion'));
  checkMatchFits(patch, report.at('match'));
}

const MAX_VERSION_LENGTH = 1024;

function checkProxyVersion(version: string, report: Report): void {
  if (version.length > MAX_VERSION_LENGTH)
    report.warn([], `longer than ${MAX_VERSION_LENGTH} characters, so the patch concerns no proxy`);
  else if (version !== '') {
    const problem = regexProblem(version);
    if (problem !== undefined) report.error([], problem);
  }
}

const MATCH_OF: Readonly<Record<string, string>> = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
};

function checkMatchFits(patch: ConfigPatch, report: Report): void {
  const fitting = MATCH_OF[patch.applyTo ?? ''];
  const used = setFields(patch.match ?? {}, MATCHES)[0];
  if (fitting === undefined || used === undefined) return;
  if (used !== fitting)
    report.error(used, `${patch.applyTo} is found by match.${fitting}, not by match.${used}`);
  else if (fitting === 'listener') checkFilterMatch(patch, report.at('listener', 'filterChain', 'filter'));
}

const CONNECTION_MANAGERS = [
  'envoy.filters.network.http_connection_manager',
  'envoy.http_connection_manager',
];

function checkFilterMatch(patch: ConfigPatch, report: Report): void {
  const filter = patch.match?.listener?.filterChain?.filter;
  if (filter === undefined) return;
  if (patch.applyTo === 'LISTENER' || patch.applyTo === 'FILTER_CHAIN')
    report.warn([], `a filter match has no effect on ${patch.applyTo}`);
  if (!filter.name) report.error('name', 'the name of the filter is required');
  else if (filter.subFilter !== undefined) {
    if (patch.applyTo !== 'HTTP_FILTER')
      report.error('subFilter', 'subFilter goes with applyTo: HTTP_FILTER only');
    else if (!CONNECTION_MANAGERS.includes(filter.name))
      report.error('name', `HTTP filters are within ${CONNECTION_MANAGERS[0]}; name that one`);
    else if (!filter.subFilter.name)
      report.error(['subFilter', 'name'], 'the name of the HTTP filter is required');
  }
}
