/** An object as commands name it. */
export interface ObjectName {
  /** As people write it: `VirtualService`, `virtualservices`, `vs`, `gateway.networking.istio.io`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** `KIND/NAME` in a namespace, or `KIND/NAMESPACE/NAME`; undefined for anything else. */
export function parseObjectName(text: string, namespace: string): ObjectName | undefined {
  const [kind = '', first = '', second, ...more] = text.split('/');
  if (kind === '' || first === '' || second === '' || more.length > 0) return undefined;
  return second === undefined ? { kind, namespace, name: first } : { kind, namespace: first, name: second };
}

/** The path of the API that tells of it. */
export function objectPath({ kind, namespace, name }: ObjectName): string {
  return `/api/object?${new URLSearchParams({ kind, namespace, name })}`;
}
