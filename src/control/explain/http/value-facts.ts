import type { Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import type { ValueFacts } from './format-value.ts';
import type { Leaf } from './leaf.ts';
import type { Response } from './request.ts';

/** What values of a route's headers are made of. */
export function valueFacts(
  scene: Scene,
  leaf: Leaf | undefined,
  managed: Managed,
  response: Response | undefined,
): ValueFacts {
  return {
    request: managed.request,
    response,
    inside: managed,
    cluster: leaf?.cluster ?? '',
    route: leaf?.route.name ?? '',
    unknown: () => void scene.trace.unsure.add('headers'),
  };
}
