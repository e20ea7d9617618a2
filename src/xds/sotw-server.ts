/** The server end of state-of-the-world ADS: see server-end.ts. */
import { WILDCARD } from './delta-messages.ts';
import { typeUrls } from './resources.ts';
import { addNames, dropNames, type ServedType } from './served-type.ts';
import { createServerCore, type ServerEnd, type ServerEndOptions, type ServerEvent } from './server-end.ts';
import type { SotwRequest } from './sotw-messages.ts';

/** The server end of one state-of-the-world stream. */
export type SotwServer = ServerEnd<SotwRequest>;

/** A server end on which nothing was received yet. */
export function createSotwServer(options: ServerEndOptions): SotwServer {
  const core = createServerCore(options, true);
  /** Types of which some request named resources: an empty list then means none, not all. */
  const named = new Set<ServedType>();
  const seen = new Set<ServedType>();
  return {
    types: core.types,
    offer: core.offer,
    resend: core.resend,
    next: core.next,
    wakeAtMs: core.wakeAtMs,
    receive(request) {
      const { typeUrl } = request;
      const type = core.type(typeUrl);
      if (type === undefined) return [core.excess(typeUrl)!];
      const events: ServerEvent[] = [];
      // The client has not read our last response yet; what it wants will come again with the answer to that.
      const isOutdated = request.nonce !== '' && seen.has(type) && type.outstanding !== undefined;
      if (isOutdated && type.outstanding?.nonce !== request.nonce) return [{ kind: 'outdated', typeUrl }];
      if (isOutdated) events.push(core.answer(type, request.nonce, request.error));
      if (request.names.length > 0) named.add(type);
      const names = named.has(type) ? request.names : wildcardFor(typeUrl);
      if (subscribe(type, new Set(names)) || !seen.has(type)) events.push({ kind: 'subscribed', typeUrl });
      seen.add(type);
      const excess = core.excess(typeUrl);
      return excess === undefined ? events : [...events, excess];
    },
  };
}

function wildcardFor(typeUrl: string): readonly string[] {
  return typeUrl === typeUrls.listener || typeUrl === typeUrls.cluster ? [WILDCARD] : [];
}

/** Makes `wanted` the subscription; true where that changed it. */
function subscribe(type: ServedType, wanted: ReadonlySet<string>): boolean {
  const had = new Set(type.wildcard ? [...type.names, WILDCARD] : type.names);
  const dropped = [...had].filter((name) => !wanted.has(name));
  const added = [...wanted].filter((name) => !had.has(name));
  dropNames(type, dropped);
  addNames(type, added);
  return dropped.length + added.length > 0;
}
