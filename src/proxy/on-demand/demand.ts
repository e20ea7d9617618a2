/**
 * On demand: a sidecar holds what its workload uses, so that it does not grow with the mesh (node metadata
 * WEFT_ON_DEMAND, delta ADS).
 *
 * In: connections, requests and DNS questions that need something, and what the control plane answers. Out: names to
 * subscribe to (configure/control-plane.ts sends them), and word to those that wait. listeners.ts, hosts.ts and names.ts
 * ask, each for its kind; clusters and endpoints follow from what the listeners and hosts that are held refer to. What
 * never happens here: guessing. Until the control plane has said that there is no such thing, nothing goes another way.
 *
 * This file: what is wanted, as a state machine without I/O. Each name is asked (no answer yet), present or absent; an
 * absent one stays subscribed to, so that it is pushed when it appears. What nobody used for a while is given back.
 */
import type { Clock } from '../../lib/clock.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { DemandLimits } from './limits.ts';

/** One name that is wanted. Those who use it often keep it. */
export interface Demanded {
  readonly typeUrl: string;
  readonly name: string;
  state: 'asked' | 'present' | 'absent';
  /** Set by every use; looked at by sweep(). */
  used: boolean;
  /** It was given back: who keeps it asks anew. */
  dropped: boolean;
  /** Monotonic time up to which it was used for sure. */
  usedAtMs: number;
  /** It was given back and wanted again before the control plane had said that it is gone: that word is not for it. */
  returning: boolean;
}

export interface Demand {
  /** Wants a name from now on, and notes a use; undefined where no more names may be held. */
  want(typeUrl: string, name: string): Demanded | undefined;
  find(typeUrl: string, name: string): Demanded | undefined;
  /** Wants a name that was held before this process, or that another worker asked for. */
  restore(typeUrl: string, name: string, state: 'present' | 'absent'): void;
  /** The control plane has sent it. */
  present(typeUrl: string, name: string): void;
  /** The control plane says there is none; false where that is old news and the name is on its way. */
  absent(typeUrl: string, name: string): boolean;
  /** Names to subscribe to. */
  names(typeUrl: string): readonly string[];
  /** Gives back what was not used for the idle time. True where that was anything. */
  sweep(isInUse: (one: Demanded) => boolean): boolean;
}

/** `onNeeds`: names() may have changed. */
export function createDemand(
  clock: Pick<Clock, 'monotonicMs'>,
  limits: DemandLimits,
  onNeeds: () => void,
): Demand {
  const types = new Map<string, Map<string, Demanded>>();
  /** Given back while present, and the control plane has not said yet that it is gone. */
  const leaving = new Set<string>();
  const ofType = (typeUrl: string): Map<string, Demanded> => {
    let map = types.get(typeUrl);
    if (map === undefined) types.set(typeUrl, (map = new Map()));
    return map;
  };
  const make = (typeUrl: string, name: string, state: Demanded['state']): Demanded | undefined => {
    const map = ofType(typeUrl);
    if (map.size >= limits.maxNames && !makeRoom(map)) return undefined;
    const returning = leaving.delete(`${typeUrl} ${name}`);
    const usedAtMs = clock.monotonicMs();
    const made = { typeUrl, name, state, used: true, dropped: false, usedAtMs, returning };
    map.set(name, made);
    onNeeds();
    return made;
  };
  const drop = (map: Map<string, Demanded>, one: Demanded): void => {
    map.delete(one.name);
    one.dropped = true;
    // Of other types nothing is said about what is not subscribed to.
    const isTold = one.typeUrl === typeUrls.listener && one.state === 'present';
    if (isTold && leaving.size < limits.maxNames) leaving.add(`${one.typeUrl} ${one.name}`);
    onNeeds();
  };
  /** The first absent name that was not used lately makes room: one that costs nobody anything but the question. */
  const makeRoom = (map: Map<string, Demanded>): boolean => {
    for (const one of map.values())
      if (one.state === 'absent' && !one.used) {
        drop(map, one);
        return true;
      }
    for (const one of map.values()) one.used &&= one.state !== 'absent';
    return false;
  };
  return {
    want(typeUrl, name) {
      const known = types.get(typeUrl)?.get(name);
      if (known === undefined) return make(typeUrl, name, 'asked');
      known.used = true;
      return known;
    },
    restore(typeUrl, name, state) {
      if (types.get(typeUrl)?.has(name) !== true) make(typeUrl, name, state);
    },
    find: (typeUrl, name) => types.get(typeUrl)?.get(name),
    present(typeUrl, name) {
      const one = types.get(typeUrl)?.get(name);
      if (one === undefined) return;
      one.state = 'present';
      one.returning = false;
    },
    absent(typeUrl, name) {
      const one = types.get(typeUrl)?.get(name);
      if (one === undefined) leaving.delete(`${typeUrl} ${name}`);
      else if (one.returning) {
        one.returning = false;
        return false;
      } else one.state = 'absent';
      return true;
    },
    names: (typeUrl) => [...(types.get(typeUrl)?.keys() ?? [])],
    sweep(isInUse) {
      const now = clock.monotonicMs();
      let any = false;
      for (const map of types.values())
        for (const one of map.values()) {
          if (one.used || isInUse(one)) {
            one.used = false;
            one.usedAtMs = now;
          } else if (now - one.usedAtMs >= limits.idleMs) {
            drop(map, one);
            any = true;
          }
        }
      return any;
    },
  };
}
