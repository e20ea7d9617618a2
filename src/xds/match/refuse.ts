// Folder of what xDS means: messages compiled into plain functions of a request or a connection. Called by the proxy
// when it lowers configuration and by whoever explains what would happen. No I/O, no clock; randomness is a parameter.

/** Told of everything in a message that cannot be obeyed: the field's path and a sentence. */
export type Refuse = (field: string, message: string) => void;

/** Refuses what is left of a message after all known fields were taken out of it. */
export function refuseRest(refuse: Refuse, field: string, rest: object): void {
  for (const [name, value] of Object.entries(rest))
    if (!isUnset(value)) refuse(fieldIn(field, name), 'is not supported by this proxy');
}

/** `match` and `prefix` -> `match.prefix`; at the top of a message just the name. */
export function fieldIn(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}

/** False, 0, '' and empty lists are what a field that was never set means, wherever it was not a wrapper. */
function isUnset(value: unknown): boolean {
  return (
    value === undefined ||
    value === false ||
    value === 0 ||
    value === '' ||
    (Array.isArray(value) && value.length === 0)
  );
}
