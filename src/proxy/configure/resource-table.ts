/** What was accepted, as it came: for /config_dump and for the last good configuration. */
import type { DeltaResource } from '../../xds/delta-messages.ts';

export interface AcceptedResource {
  readonly resource: DeltaResource;
  /** The decoded message. */
  readonly message: unknown;
  /** Wall time. */
  readonly acceptedAtMs: number;
}

export interface ResourceTable {
  set(resource: DeltaResource, message: unknown, nowMs: number): void;
  delete(typeUrl: string, name: string): void;
  get(typeUrl: string, name: string): AcceptedResource | undefined;
  list(typeUrl: string): readonly AcceptedResource[];
  all(): readonly DeltaResource[];
}

export function createResourceTable(): ResourceTable {
  const types = new Map<string, Map<string, AcceptedResource>>();
  const ofType = (typeUrl: string): Map<string, AcceptedResource> => {
    let map = types.get(typeUrl);
    if (map === undefined) types.set(typeUrl, (map = new Map()));
    return map;
  };
  return {
    set: (resource, message, nowMs) =>
      void ofType(resource.typeUrl).set(resource.name, { resource, message, acceptedAtMs: nowMs }),
    delete: (typeUrl, name) => void types.get(typeUrl)?.delete(name),
    get: (typeUrl, name) => types.get(typeUrl)?.get(name),
    list: (typeUrl) => [...(types.get(typeUrl)?.values() ?? [])],
    all: () => [...types.values()].flatMap((map) => [...map.values()].map((r) => r.resource)),
  };
}
