/**
 * Make before break: in which order changes of several types reach one client. Clusters and their endpoints come first,
 * then listeners, then routes; what nothing refers to any more goes last.
 * Source: "Eventual consistency considerations" of Envoy's xDS protocol.
 */
import { typeUrls } from './resources.ts';
import type { Difference, ServedType } from './served-type.ts';

/**
 * How long listeners and routes wait for the answer to new clusters, and old clusters for the answer to listeners and
 * routes. Envoy answers clusters only when they are warm; one that never gets warm must not hold up everything else.
 */
export const HOLD_LIMIT_MS = 5000;

/** Types, what each lacks, and the time. */
export interface Standing {
  readonly types: ReadonlyMap<string, ServedType>;
  /** Of the types that are idle and may differ. */
  readonly differences: ReadonlyMap<string, Difference>;
  readonly nowMs: number;
}

/** What may be sent of a type now. */
export interface Permission {
  /** New and changed resources. */
  readonly additions: boolean;
  readonly removals: boolean;
}

/** Which parts of a type's difference may go out now. */
export function permissionFor(typeUrl: string, standing: Standing): Permission {
  const { cluster, endpoint, listener, route } = typeUrls;
  switch (typeUrl) {
    case cluster:
    case endpoint:
      return { additions: true, removals: ![listener, route].some((user) => changing(user, standing)) };
    case listener:
      return clustersCome(standing) ? { additions: false, removals: false } : both;
    case route:
      return clustersCome(standing)
        ? { additions: false, removals: false }
        : { additions: true, removals: !changing(listener, standing) };
    default:
      return both;
  }
}

const both: Permission = { additions: true, removals: true };

/** Clusters or endpoints are on their way to the client, or about to be. */
function clustersCome(standing: Standing): boolean {
  return [typeUrls.cluster, typeUrls.endpoint].some(
    (typeUrl) =>
      (standing.differences.get(typeUrl)?.resources.length ?? 0) > 0 ||
      (isAwaited(typeUrl, standing) && (standing.types.get(typeUrl)?.outstanding?.resources.length ?? 0) > 0),
  );
}

/** The client may still be using the old version of something of this type. */
function changing(typeUrl: string, standing: Standing): boolean {
  const difference = standing.differences.get(typeUrl);
  const differs = difference !== undefined && difference.resources.length + difference.removed.length > 0;
  return differs || isAwaited(typeUrl, standing);
}

function isAwaited(typeUrl: string, { types, nowMs }: Standing): boolean {
  const outstanding = types.get(typeUrl)?.outstanding;
  return outstanding !== undefined && nowMs - outstanding.sentAtMs < HOLD_LIMIT_MS;
}
