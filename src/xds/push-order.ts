/**
 * Make before break: in which order changes of several types reach one client. Clusters and their endpoints come first,
 * then listeners, then routes; what nothing refers to any more goes last.
 * Source: "Eventual consistency considerations" of Envoy's xDS protocol.
 */
import { typeUrls } from './resources.ts';
import type { Difference, ServedType } from './served-type.ts';

/**
 * How long something is kept back at most. Envoy answers clusters only when they are warm; one that never gets warm, or
 * clusters that change all the time, must not hold up everything else.
 */
export const HOLD_LIMIT_MS = 5000;

/** Types, and what each lacks. */
export interface Standing {
  readonly types: ReadonlyMap<string, ServedType>;
  /** What the client lacks of a type, be it on its way or not; undefined where nothing may differ. */
  lacks(typeUrl: string): Difference | undefined;
}

/** What may be sent of a type now. */
export interface Permission {
  /** New and changed resources. */
  readonly additions: boolean;
  readonly removals: boolean;
}

/** Which parts of a type's difference, which is `all`, may go out now. */
export function permissionFor(typeUrl: string, all: Difference, standing: Standing): Permission {
  const { cluster, endpoint, listener, route, virtualHost } = typeUrls;
  switch (typeUrl) {
    case cluster:
    case endpoint:
      if (all.removed.length === 0) return both;
      return {
        additions: true,
        removals: ![listener, route, virtualHost].some((user) => isChanging(user, standing)),
      };
    case listener:
      return newClustersCome(standing) ? none : both;
    case route:
      return newClustersCome(standing)
        ? none
        : { additions: true, removals: !isChanging(listener, standing) };
    default:
      return both;
  }
}

const both: Permission = { additions: true, removals: true };
const none: Permission = { additions: false, removals: false };

/**
 * Clusters or endpoints that the client does not have are on their way to it, or about to be: a route to them would lead
 * nowhere. Changes of those it has do not hold up routes; endpoints change all the time.
 */
function newClustersCome({ types, lacks }: Standing): boolean {
  return [typeUrls.cluster, typeUrls.endpoint].some((typeUrl) => {
    const type = types.get(typeUrl);
    if (type === undefined) return false;
    if (type.outstanding?.bringsNew === true) return true;
    return lacks(typeUrl)?.bringsNew ?? false;
  });
}

/** The client may still be using the old version of something of this type. */
function isChanging(typeUrl: string, { types, lacks }: Standing): boolean {
  if (types.get(typeUrl)?.outstanding !== undefined) return true;
  const difference = lacks(typeUrl);
  return difference !== undefined && difference.resources.length + difference.removed.length > 0;
}
