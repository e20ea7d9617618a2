/** The server end of delta ADS: see server-end.ts. */
import type { DeltaRequest } from './delta-messages.ts';
import { WILDCARD } from './delta-messages.ts';
import { typeUrls } from './resources.ts';
import { addNames, claim, dropNames, type ServedType } from './served-type.ts';
import { ServerCore, type ServerEnd, type ServerEndOptions, type ServerEvent } from './server-end.ts';

/** The server end of one delta stream. */
export type DeltaServer = ServerEnd<DeltaRequest>;

/** A server end on which nothing was received yet. */
export function createDeltaServer(options: ServerEndOptions): DeltaServer {
  return new DeltaServerEnd(options, false);
}

class DeltaServerEnd extends ServerCore implements DeltaServer {
  readonly #seen = new Set<ServedType>();

  receive(request: DeltaRequest): readonly ServerEvent[] {
    const { typeUrl } = request;
    const type = this.type(typeUrl);
    if (type === undefined) return [this.excess(typeUrl)!];
    const isFirst = !this.#seen.has(type);
    this.#seen.add(type);
    const events: ServerEvent[] = [];
    if (request.nonce !== '') events.push(this.answer(type, request.nonce, request.error));
    dropNames(type, request.unsubscribe);
    addNames(type, withinLimit(type, isFirst ? firstNames(request) : request.subscribe));
    if (isFirst) claim(type, request.initialVersions);
    if (isFirst || request.subscribe.length + request.unsubscribe.length > 0) {
      events.push({ kind: 'subscribed', typeUrl });
    }
    const excess = this.excess(typeUrl);
    return excess === undefined ? events : [...events, excess];
  }
}

/** A first request for listeners or clusters that names none asks for all of them, from before there was `*`. */
function firstNames(request: DeltaRequest): readonly string[] {
  const mayBeWild = request.typeUrl === typeUrls.listener || request.typeUrl === typeUrls.cluster;
  return mayBeWild && request.subscribe.length === 0 ? [WILDCARD] : request.subscribe;
}

/**
 * Most virtual hosts that one client is served on demand. Envoy asks for one for each Host header that its workload ever
 * sends, and never gives one back: beyond this a host is not answered, which is better than to end the stream.
 */
export const MAX_VIRTUAL_HOSTS = 20_000;

function withinLimit(type: ServedType, names: readonly string[]): readonly string[] {
  if (type.typeUrl !== typeUrls.virtualHost || type.names.size + names.length <= MAX_VIRTUAL_HOSTS)
    return names;
  const known = names.filter((name) => type.names.has(name));
  const room = Math.max(0, MAX_VIRTUAL_HOSTS - type.names.size);
  return [...known, ...names.filter((name) => !type.names.has(name)).slice(0, room)];
}
