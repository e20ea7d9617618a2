import { readRedirect } from '../../../xds/match/redirect.ts';
import { because } from '../because.ts';
import { answered, type Ending } from '../ending.ts';
import type { Held, Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { changeHeaders } from './change-headers.ts';
import { forward } from './forward.ts';
import type { Leaf } from './leaf.ts';
import { localReply } from './local-reply.ts';
import type { Response } from './request.ts';
import { valueFacts } from './value-facts.ts';

/** Does what a route says: redirects, answers, or forwards. */
export function act(scene: Scene, held: Held, leaf: Leaf, managed: Managed): Ending {
  const { redirect, direct_response, route } = leaf.route;
  if (redirect !== undefined) {
    const { status, location: place } = readRedirect(redirect, leaf.match.path, () => {}, '');
    const location = place(managed.request);
    scene.trace.step(
      `the proxy redirects (${status}) to ${location}`,
      because(scene.places.mesh, leaf.origin),
    );
    const reply = localReply(managed.request, status, '', 'direct_response', [['location', location]]);
    return routeReply(scene, leaf, managed, reply);
  }
  if (direct_response !== undefined) {
    const { status = 200, body = {} } = direct_response;
    const text = body.inline_string ?? (body.inline_bytes === undefined ? '' : fromBase64(body.inline_bytes));
    scene.trace.step(`the proxy answers ${status} by itself`, because(scene.places.mesh, leaf.origin));
    const ending = routeReply(
      scene,
      leaf,
      managed,
      localReply(managed.request, status, text, 'direct_response'),
    );
    return leaf.route.name === 'block_all' ? { ...ending, outcome: 'blackhole' } : ending;
  }
  if (route !== undefined) return forward(scene, held, leaf, managed);
  scene.trace.step('the route forwards nothing: the proxy answers 404');
  return routeReply(scene, leaf, managed, localReply(managed.request, 404, '', 'route_not_found'));
}

/** An answer of the proxy, with the route's own changes of headers. */
function routeReply(scene: Scene, leaf: Leaf, managed: Managed, response: Response): Ending {
  const headers = changeHeaders(
    response.headers,
    leaf,
    'response',
    valueFacts(scene, leaf, managed, response),
  );
  return answered('reply', { ...response, headers }, kindOfOpened(managed.opened));
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
