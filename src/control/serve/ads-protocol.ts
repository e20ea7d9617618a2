import { type DeltaRequest, decodeDeltaRequest } from '../../xds/delta-messages.ts';
import { createDeltaServer } from '../../xds/delta-server.ts';
import type { Node } from '../../xds/resources.ts';
import { deltaPieces, type Push, sotwPieces } from '../../xds/sendable.ts';
import type { ServerEnd, ServerEndOptions, ServerEvent } from '../../xds/server-end.ts';
import { decodeSotwRequest, type SotwRequest } from '../../xds/sotw-messages.ts';
import { createSotwServer } from '../../xds/sotw-server.ts';

export type AdsProtocol = 'delta' | 'sotw';

/** The one place where the two protocols differ. */
export interface Wire {
  readonly server: ServerEnd<never>;
  /** Undefined where the bytes are no request. */
  read(
    message: Uint8Array,
  ): { readonly node?: Node | undefined; readonly take: () => readonly ServerEvent[] } | undefined;
  /** Pieces of one message; those that are the same for many clients are the same bytes. */
  encode(push: Push): readonly Uint8Array[];
}

/** A server end that nothing was received on, with its messages. */
export function wireOf(protocol: AdsProtocol, options: ServerEndOptions): Wire {
  return protocol === 'delta'
    ? wireWith<DeltaRequest>(createDeltaServer(options), decodeDeltaRequest, deltaPieces)
    : wireWith<SotwRequest>(createSotwServer(options), decodeSotwRequest, sotwPieces);
}

function wireWith<Request extends { readonly node?: Node }>(
  server: ServerEnd<Request>,
  decode: (message: Uint8Array) => Request,
  encode: Wire['encode'],
): Wire {
  return {
    server,
    encode,
    read(message) {
      try {
        const request = decode(message);
        return { node: request.node, take: () => server.receive(request) };
      } catch {
        return undefined;
      }
    },
  };
}
