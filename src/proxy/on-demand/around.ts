import type { Demand } from './demand.ts';
import type { DemandLimits } from './limits.ts';
import type { InUse } from './on-demand.ts';
import type { Waits } from './waits.ts';

/** What those who ask have in common. */
export interface Around {
  readonly demand: Demand;
  readonly waits: Waits;
  readonly limits: DemandLimits;
  readonly inUse: InUse;
}
