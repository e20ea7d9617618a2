/**
 * A file with a DiscoveryResponse (JSON or YAML), as Envoy's path_config_source: read at the start and whenever a file is
 * moved into its folder (or into watched_directory), which is how such files have to be replaced. What cannot be read or
 * is refused leaves what holds in use.
 */
import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { DeltaResource } from '../../xds/delta-messages.ts';
import { encode } from '../../xds/encode.ts';
import { fromJson } from '../../xds/json.ts';
import { messageOf } from '../../xds/resources.ts';
import { readText } from './text.ts';

export interface FileSourceOptions {
  readonly path: string;
  readonly watched: string | undefined;
  readonly typeUrl: string;
  readonly readFile: (path: string) => string;
  readonly digest: (bytes: Uint8Array) => string;
  /** All resources of the file; it has changed. */
  readonly receive: (resources: readonly DeltaResource[]) => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

/** Events come in bursts: a file is read once for all of them. */
const settleMs = 10;

/** Reads it now and follows it; the returned function ends that. */
export function followFile(options: FileSourceOptions): () => void {
  const { path, log } = options;
  let last: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const read = (): void => {
    timer = undefined;
    try {
      const content = options.readFile(path);
      if (content === last) return;
      const resources = readResources(content, options);
      last = content;
      options.receive(resources);
    } catch (error) {
      log('warning', `${path}: ${(error as Error).message}`);
    }
  };
  const folder = options.watched ?? dirname(path);
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, () => (timer ??= setTimeout(read, settleMs)));
    watcher.on('error', (error) => log('warning', `${folder} is not watched any more: ${error.message}`));
  } catch (error) {
    log('warning', `${folder} cannot be watched: ${(error as Error).message}`);
  }
  read();
  return () => {
    clearTimeout(timer);
    watcher?.close();
  };
}

/** The resources of a DiscoveryResponse, which must all be of one type. Throws an Error that tells what is wrong. */
export function readResources(
  content: string,
  { typeUrl, digest }: Pick<FileSourceOptions, 'typeUrl' | 'digest'>,
): readonly DeltaResource[] {
  const document = readText(content) as { readonly resources?: readonly Record<string, unknown>[] } | null;
  return (document?.resources ?? []).map((resource, i) => {
    const { '@type': type, ...fields } = resource;
    if (type !== typeUrl) throw new Error(`resources[${i}] is a ${type}, not a ${typeUrl}`);
    const { value, problems } = fromJson<object>(messageOf(typeUrl), fields);
    const [problem] = problems;
    if (problem !== undefined) throw new Error(`resources[${i}].${problem.path}: ${problem.message}`);
    const bytes = encode(messageOf(typeUrl), value);
    const name = fields['name'] ?? fields['cluster_name'] ?? fields['clusterName'];
    return { name: String(name ?? ''), typeUrl, version: digest(bytes), value: bytes };
  });
}
