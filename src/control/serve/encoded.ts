/**
 * Serving: what the compiler made reaches the proxies.
 *
 * In: streams of proxies (grpc-server.ts), what each should have (compile.ts, by way of view-snapshot.ts), the CA.
 * Out: responses of ADS and records of who uses what. fleet.ts holds the streams (ads-stream.ts is one of them) and
 * hands each a new snapshot after a change; push-schedule.ts says when a change is compiled; admission.ts who may be
 * which proxy; delivery.ts where an object is live. Called by control/main.ts. What never happens here: deciding what a
 * proxy gets; a key or a token in a log or a dump.
 *
 * This file: each emitted resource is encoded once, and its bytes are shared by all proxies.
 */
import { type EncodedParts, encode, encodeByParts } from '../../xds/encode.ts';
import { type Cluster, messageOf, typeUrls } from '../../xds/resources.ts';
import { type Sendable, sendable } from '../../xds/sendable.ts';
import type { Emitted } from '../emit/emitted.ts';
import { runsOf, versionOf } from './runs.ts';

/** Bytes of emitted resources. */
export interface ResourceBytes {
  /** The resource ready to send; undefined where it cannot be encoded, which is told once. */
  of(emitted: Emitted): Sendable | undefined;
  /** All of a list, without those that cannot be encoded; the same array for the same list. */
  all(list: readonly Emitted[]): readonly Sendable[];
}

/** `onError` hears of a resource that cannot be encoded: a mistake of ours, which must not take the others along. */
export function createResourceBytes(onError: (message: string) => void): ResourceBytes {
  const byObject = new WeakMap<object, Sendable | 'broken'>();
  const byList = new WeakMap<readonly Emitted[], readonly Sendable[]>();
  /** Keeps a list as long as a client holds what was made of it: it is asked for again after the next change. */
  const listOf = new WeakMap<readonly Sendable[], readonly Emitted[]>();
  const parts: EncodedParts = new WeakMap();
  const of = (emitted: Emitted): Sendable | undefined => {
    let made = byObject.get(emitted.object);
    if (made === undefined) {
      made = encodeOne(emitted, parts, onError);
      byObject.set(emitted.object, made);
    }
    return made === 'broken' ? undefined : made;
  };
  return {
    of,
    all(list) {
      let made = byList.get(list);
      if (made === undefined) {
        made = list.map(of).filter((one) => one !== undefined);
        byList.set(list, made);
        listOf.set(made, list);
      }
      return made;
    },
  };
}

function encodeOne(
  { name, typeUrl, object }: Emitted,
  parts: EncodedParts,
  onError: (message: string) => void,
): Sendable | 'broken' {
  try {
    // Each namespace has route configurations of its own, of which all but a few virtual hosts are everybody's.
    if (typeUrl === typeUrls.route) {
      const [head = NOTHING, ...row] = encodeByParts(messageOf(typeUrl), object, parts);
      const runs = runsOf(row);
      const versions = [versionOf(head), ...runs.map(({ version }) => version)];
      const version = versionOf(Buffer.from(versions.join()));
      return sendable(name, version, typeUrl, [head, ...runs.map(({ bytes }) => bytes)]);
    }
    const value = encode(messageOf(typeUrl), object);
    return sendable(name, versionOf(value), typeUrl, value, endpointsOf(typeUrl, name, object));
  } catch (error) {
    onError(`${messageOf(typeUrl)} ${name} cannot be encoded and is left out: ${(error as Error).message}`);
    return 'broken';
  }
}

const NOTHING = new Uint8Array(0);

function endpointsOf(typeUrl: string, name: string, object: object): string | undefined {
  if (typeUrl !== typeUrls.cluster) return undefined;
  const cluster = object as Cluster;
  return cluster.type === 'EDS' ? (cluster.eds_cluster_config?.service_name ?? name) : undefined;
}
