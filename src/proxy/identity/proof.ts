/**
 * How the proxy proves to its control plane who it is. With a token that the platform renews on disk: the token goes with
 * every call, over one connection. With a one-time token (a machine outside of any platform): the token is shown to the
 * CA once; from then on each call has a connection of its own, made with the certificate as it is at that moment.
 */
import type { CallOptions, GrpcClient } from '../../wire/grpc/client.ts';
import { isJoinToken } from '../../wire/identity/join-token.ts';
import { type ProvingOptions, provingClient } from './proving-client.ts';

/** What proving takes. */
export interface ProofOptions extends ProvingOptions {
  readonly tokenFile: string;
  readonly readFile: (path: string) => string;
  /** The one channel to the control plane. */
  readonly shared: () => GrpcClient;
  /** The certificate of an earlier run is there. */
  readonly hasKept: boolean;
  /** Sent with every call besides. */
  readonly metadata: readonly string[];
}

/** A channel with what goes along with the calls of each kind. */
export interface Proof {
  readonly client: GrpcClient;
  /** Came by a one-time token. */
  readonly joins: boolean;
  /** Read before each call. */
  readonly forCertificates: () => CallOptions;
  readonly forStreams: () => CallOptions;
}

/** Decides by what the token file holds. A file that is not there any more says: the token was used. */
export function proofOf(options: ProofOptions): Proof {
  const { readFile, tokenFile, metadata, shared } = options;
  const token = (): string => readFile(tokenFile).trim();
  const withToken = (): CallOptions => ({ metadata: [...metadata, 'authorization', `Bearer ${token()}`] });
  if (!joinsByToken(options, token))
    return { client: shared(), joins: false, forCertificates: withToken, forStreams: withToken };
  const plain = (): CallOptions => ({ metadata });
  return {
    client: provingClient(options),
    joins: true,
    // Whoever has a good certificate shows no token, not even one that is worth nothing any more.
    forCertificates: () => (options.credentials() === undefined ? withToken() : plain()),
    forStreams: plain,
  };
}

function joinsByToken({ hasKept }: ProofOptions, token: () => string): boolean {
  try {
    return isJoinToken(token());
  } catch (error) {
    if (hasKept) return true;
    throw error;
  }
}
