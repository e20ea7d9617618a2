import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enclosurePid, pidNamespace } from './enclosure.ts';
import type { Mesh } from './run-mesh.ts';

/** One process of the mesh, with its pid as this machine numbers it. */
export interface Part {
  readonly name: string;
  readonly kind: string;
  readonly pid: number;
}

/** The platform's table of processes, from its file: the control plane may be away. */
export function meshStatus(mesh: Mesh): readonly Part[] {
  const status = JSON.parse(readFileSync(join(mesh.state(), 'status.json'), 'utf8')) as {
    readonly processes: readonly Part[];
  };
  const outer = outerPids(mesh);
  return status.processes.flatMap((part) => {
    const pid = outer.get(part.pid);
    return pid === undefined ? [] : [{ ...part, pid }];
  });
}

/** Pids inside the enclosure to pids of this machine (NSpid in /proc/PID/status). */
function outerPids(mesh: Mesh): ReadonlyMap<number, number> {
  // Other meshes of this machine number their processes in the same way.
  const own = pidNamespace(enclosurePid(mesh), 'pid_for_children');
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const ids =
        /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
      if (ids.length > 1 && pidNamespace(Number(name)) === own) found.set(Number(ids.at(-1)), Number(name));
    } catch {
      // it ended meanwhile
    }
  }
  return found;
}
