// Holds the imports under src/ against boundaries.json: who may import whom, which folders are pure, no cycles.
// Type imports count: a cycle of types is a cycle of thoughts.
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCycle } from './boundaries/cycles.ts';
import { importsOf } from './boundaries/imports.ts';
import { type Boundaries, violations } from './boundaries/rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const boundaries = JSON.parse(readFileSync(join(root, 'boundaries.json'), 'utf8')) as Boundaries;
const files = globSync('src/**/*.ts', { cwd: root })
  .filter((f) => !f.startsWith('src/xds/gen/'))
  .sort();
const graph = new Map<string, readonly string[]>();
const problems: string[] = [];

for (const file of files) {
  const imports = importsOf(readFileSync(join(root, file), 'utf8'));
  const local = imports.filter((i) => i.startsWith('.')).map((i) => posix.join(posix.dirname(file), i));
  graph.set(file, local);
  problems.push(...violations(boundaries, file, local, imports));
}
const cycle = findCycle(graph);
if (cycle !== undefined) problems.push(`cycle: ${cycle.join(' -> ')}`);

for (const problem of problems) console.error(problem);
console.log(`${files.length} files, ${problems.length} boundary problems`);
process.exit(problems.length > 0 ? 1 : 0);
