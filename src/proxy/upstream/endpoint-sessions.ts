import type { ClientSessions, TlsClientOptions, TlsContext, TlsSession } from '../../wire/connection.ts';

/** Most server names at one endpoint whose sessions are kept; the one that was kept first goes when there are more. */
const MAX_NAMES = 16;

/**
 * TLS sessions with one endpoint: the latest for each server name. A session ends with the context it was made with:
 * with other certificates or roots of ours the handshake is a full one.
 */
export class EndpointSessions {
  readonly #kept = new Map<string, { readonly context: TlsContext; readonly session: TlsSession }>();

  /** The same connection, with a session to go on with where there is one. */
  offer(options: TlsClientOptions): TlsClientOptions {
    return { ...options, sessions: this.#of(options.context, options.sni) };
  }

  #of(context: TlsContext, name: string): ClientSessions {
    const kept = this.#kept;
    return {
      take() {
        const known = kept.get(name);
        return known?.context === context ? known.session : undefined;
      },
      keep(session) {
        if (kept.size >= MAX_NAMES && !kept.has(name)) kept.delete(kept.keys().next().value!);
        kept.set(name, { context, session });
      },
      forget: () => void kept.delete(name),
    };
  }
}
