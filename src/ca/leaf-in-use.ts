// LeafInUse without a transport: the holder of a certificate says that it uses it.

import { GRPC_CODE } from '../wire/grpc/status.ts';
import { decodeLeafInUse } from '../wire/identity/leaf-in-use.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import type { Authentication, Credentials } from './authenticate.ts';
import type { Ledger } from './rotation/ledger.ts';

/** Undefined where it was taken; else a status of gRPC with a sentence. Never rejects. */
export type LeafInUse = (
  call: Credentials & { readonly request: Uint8Array },
) => Promise<{ readonly status: number; readonly message: string } | undefined>;

/** Makes the handler: only the holder itself is believed. */
export function makeLeafInUse(
  ledger: Ledger,
  authenticate: (shown: Credentials) => Promise<Authentication>,
): LeafInUse {
  return async (call) => {
    try {
      const caller = await authenticate(call);
      if (!caller.ok) return { status: GRPC_CODE.UNAUTHENTICATED, message: caller.reason };
      // A serial that is not known here was forgotten, or is somebody else's: both are no news.
      ledger.used(decodeLeafInUse(call.request), workloadSpiffeId(caller.identity));
      return undefined;
    } catch {
      return { status: GRPC_CODE.UNAVAILABLE, message: 'the CA cannot answer now' };
    }
  };
}
