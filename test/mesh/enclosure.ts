import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Mesh } from './run-mesh.ts';

/** All processes below a process, itself included, as the machine numbers them. */
export function processTree(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i]!) ?? []));
  return found;
}

function parentOf(pid: number): number | undefined {
  if (!Number.isInteger(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // it ended meanwhile
  }
}

/** The command line of a process, '' where it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function namespaceOf(pid: number, kind: 'net' | 'pid' | 'pid_for_children'): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return '';
  }
}

/** The process-id namespace of a process, or the one that it makes for those it starts; '' where it is gone. */
export function pidNamespace(pid: number, which: 'pid' | 'pid_for_children' = 'pid'): string {
  return namespaceOf(pid, which);
}

/** The first process inside the mesh's enclosure: its network namespace has the bridge. */
export function enclosurePid(mesh: Mesh): number {
  const outside = namespaceOf(process.pid, 'net');
  const inside = processTree(mesh.process.pid!).find((pid) => {
    const namespace = namespaceOf(pid, 'net');
    return namespace !== '' && namespace !== outside && commandOf(pid).includes('--inside');
  });
  if (inside === undefined) throw new Error('no process of the mesh is in a network namespace of its own');
  return inside;
}

/** Processes of the mesh whose command line holds all these words. */
export function processesOf(mesh: Mesh, ...words: readonly string[]): readonly number[] {
  return processTree(mesh.process.pid!).filter((pid) => {
    const command = commandOf(pid);
    return words.every((word) => command.includes(word));
  });
}
