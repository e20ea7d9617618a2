import type { Chance } from './chance.ts';
import type { Connection } from './connection.ts';
import type { Ending } from './ending.ts';
import type { Request } from './http/request.ts';
import type { Places } from './places.ts';
import type { ExplainedProxy } from './proxy.ts';
import type { Trace } from './trace.ts';

/** What every part of the walk has around it. */
export interface Scene {
  readonly places: Places;
  readonly chance: Chance;
  readonly trace: Trace;
  /** Proxies passed so far. */
  readonly depth: number;
  // journeys.ts wires these two.
  /** What happens to a connection at the other end. */
  readonly arrive: (scene: Scene, connection: Connection, request: Request | undefined) => Ending;
  /** What a sidecar's own application does with a connection. */
  readonly hand: (
    scene: Scene,
    proxy: ExplainedProxy,
    connection: Connection,
    request: Request | undefined,
  ) => Ending;
}

/** More proxies than this in one way is a circle. */
export const MAX_DEPTH = 12;
