import { typeUrls } from './resources.ts';

const order: readonly string[] = [
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.secret,
  typeUrls.listener,
  typeUrls.route,
  typeUrls.virtualHost,
];

/** Sorts types into the order in which they are sent and asked for: what is referred to first; unknown types last. */
export function typeRank(typeUrl: string): number {
  const index = order.indexOf(typeUrl);
  return index < 0 ? order.length : index;
}
