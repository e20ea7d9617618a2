import type { Origin } from '../../mesh/origin.ts';
import { configPath } from '../emit/cluster/metadata.ts';
import { type Because, NOBODY } from './explanation.ts';
import type { ExplainMesh } from './mesh.ts';

/** An origin with its place in the files. */
export function because(mesh: ExplainMesh, origin: Origin | undefined): Because {
  if (origin === undefined) return NOBODY;
  const { kind, namespace, name } = origin;
  const { file = '', line = 0 } = mesh.compiled.locate(origin) ?? {};
  return { kind, namespace, name, file, line };
}

/** The origin among several that a resource's metadata names by path (and, in weft's own part, by field). */
export function originAtPath(origins: readonly Origin[], path: unknown, field: unknown): Origin | undefined {
  const objects = origins.filter((origin) => configPath(origin) === path);
  return objects.find((origin) => origin.field === field) ?? withField(objects[0], field);
}

function withField(origin: Origin | undefined, field: unknown): Origin | undefined {
  if (origin === undefined || typeof field !== 'string' || field === '') return origin;
  return { ...origin, field };
}

/** `VirtualService default/reviews`. */
export function objectText({ kind, namespace, name }: Origin): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
}
