import { durationMs } from '../../api/check/duration.ts';
import type { Resources } from '../../api/resources.ts';

/** Time for one fetch unless the rule says. */
const FETCH_TIMEOUT_MS = 5_000;

/** Where the policies of now want key sets fetched from, and how long each fetch may take. */
export function wantedKeySets(resources: Resources): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const { object } of resources.list('security.istio.io/RequestAuthentication'))
    for (const { jwksUri = '', jwks = '', timeout } of object.spec.jwtRules ?? [])
      if (jwksUri !== '' && jwks === '')
        wanted.set(jwksUri, timeout === undefined ? FETCH_TIMEOUT_MS : durationMs(timeout));
  return wanted;
}
