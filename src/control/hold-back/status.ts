import { keyText } from '../../api/object.ts';
import type { ObjectStatus } from '../watch/status.ts';
import type { HeldObject } from './hold-back.ts';

/** The statuses of the store with those of objects that are held back; a deleted object that is kept has one, too. */
export function withHeld(
  statuses: readonly ObjectStatus[],
  held: readonly HeldObject[],
): readonly ObjectStatus[] {
  if (held.length === 0) return statuses;
  const byKey = new Map(held.map((one) => [keyText(one.key), one]));
  const written = statuses.map((status) => {
    const one = status.key && byKey.get(keyText(status.key));
    if (one === undefined) return status;
    byKey.delete(keyText(one.key));
    return { ...status, ...stateOf(one), errors: [...status.errors, ...stateOf(one).errors] };
  });
  const deleted = [...byKey.values()].map((one): ObjectStatus => {
    const { key, file, line } = one;
    return { key, file, line, ...stateOf(one), warnings: [] };
  });
  return [...written, ...deleted];
}

function stateOf({ state, field, message }: HeldObject): Pick<ObjectStatus, 'state' | 'errors'> {
  return { state: state === 'waiting' ? 'invalid' : 'stale', errors: [{ field, message }] };
}
