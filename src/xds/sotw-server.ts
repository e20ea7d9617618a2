/** The server end of state-of-the-world ADS: see server-end.ts. */
import { WILDCARD } from './delta-messages.ts';
import { typeUrls } from './resources.ts';
import { addNames, dropNames, type ServedType } from './served-type.ts';
import { ServerCore, type ServerEnd, type ServerEndOptions, type ServerEvent } from './server-end.ts';
import type { SotwRequest } from './sotw-messages.ts';

/** The server end of one state-of-the-world stream. */
export type SotwServer = ServerEnd<SotwRequest>;

/** A server end on which nothing was received yet. */
export function createSotwServer(options: ServerEndOptions): SotwServer {
  return new SotwServerEnd(options, true);
}

class SotwServerEnd extends ServerCore implements SotwServer {
  readonly #seen = new Set<ServedType>();
  /** Types of which some request named resources: an empty list then means none, not all. */
  readonly #named = new Set<ServedType>();

  receive({ typeUrl, names, nonce, error }: SotwRequest): readonly ServerEvent[] {
    const type = this.type(typeUrl);
    if (type === undefined) return [this.excess(typeUrl)!];
    const events: ServerEvent[] = [];
    if (nonce !== '' && type.outstanding !== undefined) {
      const answer = this.answer(type, nonce, error);
      // The client has not read our last response yet; what it wants will come again with the answer to that.
      if (answer.kind === 'outdated') return [answer];
      events.push(answer);
    }
    if (names.length > 0) this.#named.add(type);
    const wanted = this.#named.has(type) ? names : wildcardFor(typeUrl);
    if (subscribe(type, new Set(wanted)) || !this.#seen.has(type))
      events.push({ kind: 'subscribed', typeUrl });
    this.#seen.add(type);
    const excess = this.excess(typeUrl);
    return excess === undefined ? events : [...events, excess];
  }
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
