import { resolve } from 'node:path';
import { isPlainObject } from '../../api/plain.ts';
import type { Door } from '../../control/explain/doors.ts';
import { doorsOf } from '../../control/explain/doors.ts';
import { parseDocuments } from '../../control/watch/files/documents.ts';
import { readInputs } from '../../control/watch/files/read-inputs.ts';
import { GATEWAY_TEXT, withGateway } from '../../local/resources/default-gateway.ts';
import { Folder } from '../../local/resources/folder.ts';
import type { Io } from '../io.ts';
import { offlineMesh } from '../offline-mesh.ts';

/** Addresses that are printed; the others are in what programs get. */
const MAX_SHOWN = 3;

/** What a folder's gateways answer to, as files say; none where they cannot be read. */
export async function doorsOfFolder(dir: string, io: Io): Promise<readonly Door[]> {
  try {
    const inputs = await readInputs([dir], io);
    const { objects } = new Folder(resolve(io.cwd, dir)).read();
    const file = '(added by weft up)';
    const added = withGateway(objects) === objects ? [] : [{ file, ...parseDocuments(GATEWAY_TEXT, file) }];
    return doorsOf(offlineMesh([...inputs, ...added]).mesh);
  } catch {
    // Whatever is wrong with the files is told by those who run them.
    return [];
  }
}

/** Whether a Gateway or an Ingress of a folder takes TLS, on port 443 as far as the machine can tell. */
export async function servesTls(dir: string, io: Io): Promise<boolean> {
  try {
    const documents = (await readInputs([dir], io)).flatMap((input) => input.documents);
    return documents.some(({ value }) => isPlainObject(value) && takesTls(value));
  } catch {
    return false;
  }
}

function takesTls({ kind, spec }: { readonly [field: string]: unknown }): boolean {
  if (!isPlainObject(spec)) return false;
  if (kind === 'Ingress') return Array.isArray(spec['tls']);
  const servers = listOf(spec['servers']).map((server) => server['port']);
  return [...servers, ...listOf(spec['listeners'])].some((one) => {
    const { protocol, port, number } = isPlainObject(one) ? one : {};
    return (port ?? number) === 443 && /^(?:https|tls)$/i.test(String(protocol));
  });
}

function listOf(value: unknown): readonly { readonly [field: string]: unknown }[] {
  return Array.isArray(value) ? value.filter(isPlainObject) : [];
}

/** How people get to the doors at an address such as `http://127.0.0.1:8080`. */
export function addressText(gateway: string, doors: readonly Door[]): string {
  if (doors.length === 0) return `${gateway} (nothing of the folder is served there)`;
  const shown = doors.slice(0, MAX_SHOWN).map(({ host, path }) => {
    return `${gateway}${path}${host === '' ? '' : ` (Host: ${host})`}`;
  });
  const more = doors.length - shown.length;
  return `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}
