/**
 * A REST server of xDS, asked again and again (ApiConfigSource REST): POST /v3/discovery:KIND with a DiscoveryRequest,
 * answered by a DiscoveryResponse, both as JSON. What cannot be read or had leaves what holds in use.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { DeltaResource } from '../../xds/delta-messages.ts';
import { type Node, typeUrls } from '../../xds/resources.ts';
import { readResources } from './file-source.ts';

export interface RestSourceOptions {
  readonly cluster: string;
  readonly refreshMs: number;
  readonly timeoutMs: number;
  readonly typeUrl: string;
  readonly node: Node;
  readonly clock: Clock;
  /** Names that are wanted now; empty: all. */
  readonly names: () => readonly string[];
  /** Posts a JSON text to a static cluster and gives the answer back. Rejects with a sentence. */
  readonly post: (cluster: string, path: string, body: string, timeoutMs: number) => Promise<string>;
  readonly digest: (bytes: Uint8Array) => string;
  /** All resources of an answer that differs from the last one. */
  readonly receive: (resources: readonly DeltaResource[]) => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

const KINDS: Readonly<Record<string, string>> = {
  [typeUrls.listener]: 'listeners',
  [typeUrls.cluster]: 'clusters',
  [typeUrls.endpoint]: 'endpoints',
  [typeUrls.route]: 'routes',
  [typeUrls.secret]: 'secrets',
};

/** Asks now and goes on asking; the returned function ends that. */
export function followRest(options: RestSourceOptions): () => void {
  const { cluster, clock, typeUrl, log } = options;
  const path = `/v3/discovery:${KINDS[typeUrl]}`;
  let version = '';
  let last = '';
  let asked = '';
  let trouble = '';
  let ended = false;
  let timer: Timer | undefined;
  const ask = async (): Promise<void> => {
    try {
      const resource_names = options.names();
      // A version is one of the names that were asked for: of others the server would think that we have them.
      if (resource_names.join() !== asked) [version, last] = ['', ''];
      asked = resource_names.join();
      const request = { version_info: version, node: options.node, resource_names, type_url: typeUrl };
      const answer = await options.post(cluster, path, JSON.stringify(request), options.timeoutMs);
      if (!ended && answer !== last && answer !== '') {
        const resources = readResources(answer, options);
        version = versionOf(answer);
        last = answer;
        options.receive(resources);
      }
      trouble = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble && !ended) log('warning', `${cluster}${path}: ${message}`);
      trouble = message;
    }
    if (!ended) timer = clock.setTimeout(() => void ask(), options.refreshMs);
  };
  void ask();
  return () => {
    ended = true;
    timer?.cancel();
  };
}

function versionOf(answer: string): string {
  const { version_info, versionInfo } = JSON.parse(answer) as Readonly<Record<string, unknown>>;
  return String(version_info ?? versionInfo ?? '');
}
