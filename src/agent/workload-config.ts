import { z } from 'zod';

/** One Envoy that the agent serves, as its configuration file says. */
export interface WorkloadConfig {
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
  readonly trustDomain: string;
  /** Unix socket to offer ADS on. Its folder exists. */
  readonly socketPath: string;
  /** Uid that the Envoy runs as, which becomes the socket's owner; absent: the agent's own. */
  readonly socketUid?: number | undefined;
  /** Service-account token, read again for each use. */
  readonly tokenFile: string;
  /** HOST:PORT of the control plane, TLS. */
  readonly controlAddress: string;
  /** HOST:PORT of the CA; absent: the control plane. */
  readonly caAddress?: string | undefined;
  /** PEM with the roots that the control plane and the CA are verified with. */
  readonly caRoot: string;
  /** Name in the certificate of the control plane. */
  readonly serverName: string;
  /** Unix socket to offer the SPIFFE Workload API on, to the software beside the Envoy; absent: none. */
  readonly workloadApi?: string | undefined;
  /** Its owner; absent: the agent's own user. */
  readonly workloadApiUid?: number | undefined;
  /** Folder for what outlives restarts. */
  readonly cacheDir: string;
  /** Lifetime to ask the CA for. */
  readonly certificateTtlS: number;
}

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const hostAndPort = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/]+):\d{1,5}$/;

const schema = z.strictObject({
  namespace: z.string().regex(label),
  pod: z.string().regex(subdomain),
  serviceAccount: z.string().regex(subdomain).default('default'),
  trustDomain: z.string().min(1).default('cluster.local'),
  socketPath: z.string().startsWith('/'),
  socketUid: z.int().nonnegative().optional(),
  tokenFile: z.string().min(1),
  controlAddress: z.string().regex(hostAndPort),
  caAddress: z.string().regex(hostAndPort).optional(),
  caRoot: z.string().min(1),
  serverName: z.string().min(1).default('istiod.istio-system.svc'),
  workloadApi: z.string().startsWith('/').optional(),
  workloadApiUid: z.int().nonnegative().optional(),
  cacheDir: z.string().min(1),
  certificateTtlS: z
    .int()
    .positive()
    .default(24 * 3600),
});

/** Longest configuration file, in characters. */
export const MAX_CONFIG_LENGTH = 65_536;

/** The configuration in the text of a file. Throws an Error with a sentence that names the field. */
export function parseWorkloadConfig(text: string): WorkloadConfig {
  if (text.length > MAX_CONFIG_LENGTH) throw new Error(`it is longer than ${MAX_CONFIG_LENGTH} characters`);
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is wrong'}`);
}

/** `POD.NAMESPACE`. */
export function workloadName({ pod, namespace }: WorkloadConfig): string {
  return `${pod}.${namespace}`;
}
