import type { EnvoyPatch } from '../../resolve/envoy-filter/patch.ts';

/**
 * What is changed before what, whatever the order of the patches (Istio's order): a container before what is in it, and
 * what is put in before merges, which so find it. What is added as a whole comes last: nothing more is changed in it.
 */
function phaseOf({ applyTo, operation }: EnvoyPatch): number {
  const merges = operation.startsWith('MERGE');
  switch (applyTo) {
    case 'LISTENER':
    case 'ROUTE_CONFIGURATION':
      return 0;
    case 'LISTENER_FILTER':
      return 1;
    case 'FILTER_CHAIN':
    case 'VIRTUAL_HOST':
      return operation === 'ADD' ? 7 : 2;
    case 'NETWORK_FILTER':
      return merges ? 4 : 3;
    case 'HTTP_FILTER':
      return merges ? 6 : 5;
    default:
      return merges || operation === 'REMOVE' ? 3 : 4; // routes: those that are put in are left as they are
  }
}

/** Patches in the order in which they are made; those of one phase stay in theirs. */
export function inPhases(patches: readonly EnvoyPatch[]): EnvoyPatch[] {
  return [...patches].sort((a, b) => phaseOf(a) - phaseOf(b));
}
