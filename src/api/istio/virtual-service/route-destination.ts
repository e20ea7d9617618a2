import type { Report } from '../../report.ts';
import { int32, message } from '../../schema.ts';
import { checkDestination, type Destination, destination } from '../shared/destination.ts';

const optional = { weight: int32 };

/** A destination with its share of connections or requests; the share is weight / sum of weights. */
export const routeDestination = { optional, schema: message({ destination }, optional) };

interface Weighted {
  readonly destination: Destination;
  readonly weight?: number;
}

/** Each destination, and that somebody gets something. One destination alone needs no weight. */
export function checkRouteDestinations(routes: readonly Weighted[] | undefined, report: Report): void {
  const targets = routes ?? [];
  for (const [i, target] of targets.entries()) {
    checkDestination(target.destination, report.at('route', i, 'destination'));
    if ((target.weight ?? 0) < 0)
      report.error(['route', i, 'weight'], `${target.weight} is negative; write 0 or more`);
  }
  const total = targets.reduce((sum, target) => sum + (target.weight ?? 0), 0);
  if (targets.length > 1 && total === 0)
    report.error(
      'route',
      'the weights add up to 0, so nobody would get requests; give weights such as 90 and 10',
    );
}
