import type { AccessLine } from './access-format.ts';
import type { PlacedLine } from './logged-call.ts';
import type { RunningMesh } from './running-mesh.ts';

interface PodLog {
  readonly namespace: string;
  readonly pod: string;
  /** Bytes that were looked at. */
  at: number;
}

/** What all proxies of a mesh log from now on. */
export class LogWindow {
  readonly #mesh: RunningMesh;
  readonly #pods: readonly PodLog[];
  readonly #named = new Map<string, PlacedLine[]>();
  #nameless: readonly PlacedLine[] = [];

  constructor(mesh: RunningMesh) {
    this.#mesh = mesh;
    this.#pods = mesh.plan.pods.map(({ object }) => {
      const { namespace, name } = object['metadata'] as { readonly namespace: string; readonly name: string };
      return { namespace, pod: name, at: mesh.logBytes(namespace, name) };
    });
  }

  /** Reads what was written since the last time. */
  read(): void {
    for (const log of this.#pods) {
      const bytes = this.#mesh.log(log.namespace, log.pod, log.at);
      const end = bytes.lastIndexOf(NEWLINE) + 1; // a line may be cut while it is written
      log.at += end;
      for (const text of bytes.toString('utf8', 0, end).split('\n')) this.#note(text, log);
    }
  }

  /** Lines of a call. What passes as bytes has no headers, and so no name of a call: any of those may be of it. */
  of(id: string): readonly PlacedLine[] {
    return [...(this.#named.get(id) ?? []), ...this.#nameless];
  }

  /** Lines that are known to be of one call are not another's. */
  take(lines: readonly (AccessLine | undefined)[]): void {
    if (this.#nameless.length > 0) this.#nameless = this.#nameless.filter((line) => !lines.includes(line));
  }

  #note(text: string, { namespace, pod }: PodLog): void {
    const parsed = parseLine(text);
    if (parsed === undefined) return;
    const { call } = parsed;
    const line = { ...parsed, namespace, pod };
    if (call === undefined || call === null || call === '' || call === '-') {
      this.#nameless = [...this.#nameless, line];
      return;
    }
    const known = this.#named.get(String(call));
    if (known === undefined) this.#named.set(String(call), [line]);
    else known.push(line);
  }
}

const NEWLINE = 0x0a;

function parseLine(line: string): AccessLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as AccessLine;
    return 'cluster' in value || 'call' in value ? value : undefined;
  } catch {
    return undefined; // somebody else's
  }
}
