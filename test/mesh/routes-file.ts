import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Weights of reviews v1, v2, v3, in percent. */
export type Weights = readonly [v1: number, v2: number, v3: number];

/** Rewrites the routes of reviews as a person who edits the file does: the whole text, in place. */
export function writeWeights(folder: string, weights: Weights, marker = ''): void {
  const routes = weights.map(
    (weight, i) => `    - destination: {host: reviews, subset: v${i + 1}}\n      weight: ${weight}\n`,
  );
  const headers =
    marker === '' ? '' : `    headers:\n      response:\n        set: {x-weights: "${marker}"}\n`;
  writeFileSync(
    join(folder, 'reviews-routes.yaml'),
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: shares
${headers}    route:
${routes.join('')}`,
  );
}

/** Which version of reviews answered a product page, 0 for none. */
export function versionOf(page: string): number {
  return Number(/id="reviews-version">v(\d)</.exec(page)?.[1] ?? 0);
}

/** Whether a count is within four standard errors of its share. */
export function withinFourErrors(count: number, total: number, share: number): boolean {
  return Math.abs(count - total * share) <= 4 * Math.sqrt(total * share * (1 - share)) + 1e-9;
}
