/**
 * The proxy's own certificate, over the channel of its control plane: when and how is wire/identity/keep-leaf.ts. The key
 * goes into the secrets and, where the proxy keeps its last good configuration on disk, into that file (mode 0600); never
 * into a log.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { CallOptions, GrpcClient } from '../../wire/grpc/client.ts';
import { GRPC_CODE } from '../../wire/grpc/status.ts';
import { CREATE_CERTIFICATE_PATH } from '../../wire/identity/certificate-messages.ts';
import { type KeptLeaf, keepLeaf } from '../../wire/identity/keep-leaf.ts';
import { LEAF_IN_USE_PATH } from '../../wire/identity/leaf-in-use.ts';
import type { Credentials } from './credentials.ts';

export interface IdentityOptions {
  readonly spiffeId: string;
  readonly client: GrpcClient;
  /** Read before each request: tokens are renewed on disk. */
  readonly callOptions: () => CallOptions;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked for; the CA may give less. */
  readonly lifetimeSeconds: number;
  readonly onCredentials: (credentials: Credentials) => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

const requestTimeoutMs = 10_000;

/** Keeps an identity fresh, starting from `held` (from disk) if that still serves. */
export function keepIdentity(options: IdentityOptions, held?: Credentials): KeptLeaf {
  const { client, callOptions, random } = options;
  const ask = (path: string, request: Uint8Array) =>
    client.unary(path, request, { ...callOptions(), timeoutMs: requestTimeoutMs });
  return keepLeaf(
    {
      ...options,
      ttlS: options.lifetimeSeconds,
      random: () => random.next(),
      async createCertificate(request) {
        const result = await ask(CREATE_CERTIFICATE_PATH, request);
        if (!result.ok) throw new Error(result.error.message);
        return result.message;
      },
      async leafInUse(request) {
        const result = await ask(LEAF_IN_USE_PATH, request);
        if (result.ok) return 'told';
        if (result.error.code === GRPC_CODE.UNIMPLEMENTED) return 'unknown';
        throw new Error(result.error.message);
      },
      onLeaf: options.onCredentials,
      inUseAtOnce: true,
    },
    held,
  );
}
