import type { DeltaResource } from '../xds/delta-messages.ts';
import { anyBytes, type Sendable, sendable } from '../xds/sendable.ts';

/** Resources by type URL and name: what an Envoy uses, ready to be sent again. */
export interface Held {
  types(): Iterable<string>;
  of(typeUrl: string): ReadonlyMap<string, Sendable>;
  put(typeUrl: string, resource: Sendable): void;
  drop(typeUrl: string, name: string): void;
  /** Notes that the control plane told what there is of a type, be it nothing. */
  know(typeUrl: string): void;
  isKnown(typeUrl: string): boolean;
  /** Resources and bytes over all types. */
  size(): { readonly resources: number; readonly bytes: number };
}

/** Most that is held for one Envoy; a mesh of 20 000 services is below it. Beyond it nothing new is remembered. */
export const MAX_HELD_RESOURCES = 100_000;
export const MAX_HELD_BYTES = 256 * 1024 * 1024;

/** Holds nothing yet. */
export function createHeld(): Held {
  const types = new Map<string, Map<string, Sendable>>();
  let resources = 0;
  let bytes = 0;
  const drop = (typeUrl: string, name: string): void => {
    const old = types.get(typeUrl)?.get(name);
    if (old === undefined) return;
    types.get(typeUrl)?.delete(name);
    resources -= 1;
    bytes -= sizeOf(old);
  };
  const know = (typeUrl: string): Map<string, Sendable> => {
    const type = types.get(typeUrl) ?? new Map<string, Sendable>();
    types.set(typeUrl, type);
    return type;
  };
  return {
    types: () => types.keys(),
    know: (typeUrl) => void know(typeUrl),
    isKnown: (typeUrl) => types.has(typeUrl),
    of: (typeUrl) => types.get(typeUrl) ?? none,
    put(typeUrl, resource) {
      drop(typeUrl, resource.name);
      if (resources >= MAX_HELD_RESOURCES || bytes + sizeOf(resource) > MAX_HELD_BYTES) return;
      know(typeUrl).set(resource.name, resource);
      resources += 1;
      bytes += sizeOf(resource);
    },
    drop,
    size: () => ({ resources, bytes }),
  };
}

/** A resource as it came, ready to be sent on under the same version. */
export function passOn({ name, version, typeUrl, value }: DeltaResource): Sendable {
  return sendable(name, version, typeUrl, value);
}

const none: ReadonlyMap<string, Sendable> = new Map();

function sizeOf(resource: Sendable): number {
  return anyBytes(resource) + resource.deltaHead.length;
}
