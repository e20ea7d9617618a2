import type { LowerNetworkFilters } from '../../runtime.ts';

/** The filters of a chain, the last one terminal. */
export const lowerNetworkFilters: LowerNetworkFilters = () => {
  throw new Error('not written yet');
};
