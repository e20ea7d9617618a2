import type { Result } from '../../../lib/result.ts';
import type { Connection, NetError } from '../../../wire/connection.ts';
import type { UpstreamHttp2 } from '../cluster-config.ts';
import type { UpstreamEnvironment } from '../environment.ts';

/** How a check ended. A `failed` check takes the endpoint out at once, the other two only when they repeat. */
export type ProbeResult =
  | { readonly kind: 'passed'; readonly degraded: boolean }
  | {
      readonly kind: 'failed' | 'retriable' | 'network';
      readonly message: string;
      readonly immediate?: boolean;
    };

/** Asks an endpoint, again and again; keeps its connection between times if it may. */
export interface Probe {
  /** Asks once: `onResult` is called once, unless abort() comes before. Nothing else is under way. */
  ask(onResult: (result: ProbeResult) => void): void;
  /** Forgets what is under way and closes the connection. */
  abort(): void;
}

/** What a probe has of the endpoint it asks. */
export interface ProbeTarget {
  /** `10.0.0.1:80` of where checks go. */
  readonly address: string;
  /** Name for requests where the check's configuration has none: that of the endpoint's check, or the cluster's. */
  readonly hostname: string;
  /** The endpoint's own name for checks goes before a configured one; '' for none. */
  readonly ownHostname: string;
  /** TLS is spoken. */
  readonly secure: boolean;
  readonly http2: UpstreamHttp2;
  readonly environment: UpstreamEnvironment;
  connect(alpn: readonly string[] | undefined): Promise<Result<Connection, NetError>>;
}
