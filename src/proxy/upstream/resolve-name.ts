import type { DnsFamily } from './cluster-config.ts';

/** Addresses of a name, or why there are none. `ttlMs` undefined where the resolver does not tell. */
export type ResolveName = (
  host: string,
  family: DnsFamily,
) => Promise<
  | { readonly ok: true; readonly addresses: readonly string[]; readonly ttlMs: number | undefined }
  | { readonly ok: false; readonly message: string }
>;
