import { type Caller, callerText } from './call.ts';
import type { Places } from './places.ts';
import { listText } from './words.ts';

/** Nobody in the mesh is called as the caller is. */
export class UnknownCaller extends Error {
  readonly code = 'UNKNOWN_CALLER';

  constructor(caller: Caller, places: Places) {
    const known =
      caller.kind === 'gateway'
        ? places.gateways.map(({ namespace, name }) => `gateway:${namespace}/${name}`)
        : [...new Set(places.workloads.map(({ namespace, owner }) => `${namespace}/${owner}`))];
    const what = caller.kind === 'gateway' ? 'gateway' : 'workload';
    const hint = known.length === 0 ? `there are none` : `there are ${listText(known, 8)}`;
    super(`there is no ${what} ${callerText(caller)}; ${hint}`);
  }
}
