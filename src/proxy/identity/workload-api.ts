/** The SPIFFE Workload API for the software beside the proxy. Loaded where it is asked for (scripts/lazy-parts.ts). */
import type { Clock } from '../../lib/clock.ts';
import type { Network } from '../../wire/connection.ts';
import type { WorkloadApi } from '../../wire/identity/workload-api.ts';
import { openWorkloadSocket } from '../../wire/identity/workload-socket.ts';

/** Opens the socket; one that an earlier proxy left is replaced. Rejects with a sentence. */
export function openWorkloadApi(path: string, network: Network, clock: Clock): Promise<WorkloadApi> {
  return openWorkloadSocket({ path, network, clock });
}
