import type { Origin } from '../../../mesh/origin.ts';
import { pathOnly } from '../../../xds/match/facts.ts';
import { perMillion } from '../../../xds/match/fraction.ts';
import { type CompiledRouteMatch, compileRouteMatch } from '../../../xds/match/route-match.ts';
import type { Route, VirtualHost } from '../../../xds/resources.ts';
import { because, objectText, originAtPath } from '../because.ts';
import type { Alternative } from '../explanation.ts';
import type { Inside } from '../held.ts';
import type { Scene } from '../scene.ts';
import { factsOf, type Request } from './request.ts';
import { drawForShare } from './share.ts';
import { matchText, whyNot } from './why-not.ts';

/** A route with its match ready. */
export interface PickedRoute {
  readonly route: Route;
  readonly match: CompiledRouteMatch;
  readonly origin: Origin | undefined;
}

/** How many routes that lost are told of. */
const MAX_ALTERNATIVES = 20;

/** The first route of the virtual host that matches, and why those before it do not. */
export function pickRoute(
  scene: Scene,
  host: VirtualHost,
  origins: readonly Origin[],
  managed: Inside & { readonly request: Request },
): PickedRoute | undefined {
  const instead: Alternative[] = [];
  for (const [i, route] of (host.routes ?? []).entries()) {
    const match = compileRouteMatch(route.match ?? {}, () => {}, '');
    const origin = originOf(route, origins);
    const facts = factsOf(managed.request);
    if (match.matches(facts, pathOnly(managed.request.path), managed.peer, drawFor(scene, route))) {
      const what = `route ${routeText(route, i, origin)}: ${matchText(route.match ?? {})}`;
      scene.trace.step(what, because(scene.places.mesh, origin ?? serviceOf(scene, host)), instead);
      return { route, match, origin };
    }
    if (instead.length >= MAX_ALTERNATIVES) continue;
    const why = whyNot(route.match ?? {}, managed.request, managed.peer);
    instead.push({
      what: `route ${routeText(route, i, origin)}`,
      why,
      because: because(scene.places.mesh, origin),
    });
  }
  scene.trace.step(
    `no route of virtual host ${host.name} takes ${managed.request.method} ${managed.request.path}`,
    because(scene.places.mesh, originOf(host.routes?.[0] ?? {}, origins)),
    instead,
  );
  return undefined;
}

/** A draw that falls into the route's share of requests, or one that does not. */
function drawFor(scene: Scene, { match }: Route): number {
  const percent = match?.runtime_fraction?.default_value;
  return percent === undefined ? 0 : drawForShare(scene, perMillion(percent));
}

/** The rule behind a route, by the metadata that emit leaves on it. */
function originOf({ metadata }: Route, origins: readonly Origin[]): Origin | undefined {
  const said = metadata?.filter_metadata ?? {};
  return originAtPath(origins, said['istio']?.['config'], said['weft']?.['field']);
}

function serviceOf(scene: Scene, host: VirtualHost): Origin | undefined {
  return scene.places.serviceNamed((host.name ?? '').replace(/:\d+$/, ''))?.origin;
}

function routeText({ name = '' }: Route, index: number, origin: Origin | undefined): string {
  const own = name === '' ? `${index}` : `"${name}"`;
  return origin === undefined ? own : `${own} of ${objectText(origin)} ${origin.field ?? ''}`.trimEnd();
}
