import type { PeerFacts } from '../../xds/match/facts.ts';
import type { Connection, TlsLayer } from './connection.ts';
import type { Request } from './http/request.ts';
import type { PickedListener } from './pick-listener.ts';
import type { ExplainedProxy } from './proxy.ts';
import type { Hop } from './trace.ts';

/** Which door of a proxy a connection comes to. */
export type Side = Hop['side'];

/** A proxy's hold on a connection. */
export interface Held {
  readonly proxy: ExplainedProxy;
  readonly side: Side;
  readonly hop: Hop;
  readonly picked: PickedListener;
}

/** A connection behind its filter chain's end of TLS. */
export interface Inside {
  readonly connection: Connection;
  readonly peer: PeerFacts;
  /** TLS that this proxy ended. */
  readonly opened: TlsLayer | undefined;
  /** What the connection carries, where that is HTTP and nothing hides it. */
  readonly request: Request | undefined;
}

/** A request in the hands of a connection manager. */
export interface Managed extends Inside {
  readonly request: Request;
}
