import { readRouteSession, readSession, SESSION_MESSAGE } from '../../../xds/match/session-state.ts';
import { type AnyMessage, messageOf } from '../../../xds/resources.ts';
import type { Scene } from '../scene.ts';
import type { Hop } from '../trace.ts';
import { headerOf, type Request, type Response } from './request.ts';

/** Sessions do not end by time here: there is no clock. */
const NOW_MS = 0;

/**
 * The sessions that a route keeps: whom the client's cookie or header wants goes down on the hop, for the first try; the
 * answer tells the client whom it got, where that is somebody else.
 */
export function keepSession(
  { trace }: Scene,
  config: AnyMessage,
  { path, headers }: Request,
  hop: Hop,
): ((response: Response) => Response) | undefined {
  const refuse = (): void => {};
  const isChain = messageOf(config['@type']) === SESSION_MESSAGE;
  const { state, strict } = isChain ? readSession(config, refuse, '') : readRouteSession(config, refuse, '');
  const request = { path, header: (name: string) => headerOf(headers, name) };
  if (state === undefined || !state.concerns(request)) return undefined;
  const address = state.wanted(request, NOW_MS);
  hop.wanted = address === undefined ? undefined : { address, strict };
  if (address !== undefined) trace.step(`the client's session is at ${address}`);
  return (response) => {
    if (hop.endpoint === '' || hop.endpoint === address) return response;
    const { name, value, add } = state.told(hop.endpoint, NOW_MS);
    const others = add ? response.headers : response.headers.filter(([other]) => other !== name);
    trace.step(`the client is told its endpoint, ${hop.endpoint} (${name})`);
    return { ...response, headers: [...others, [name, value]] };
  };
}
