/** The three ways in which every mesh test runs: weft's proxy everywhere, Envoy everywhere, and mixed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DataPlane {
  readonly name: string;
  readonly flags: readonly string[];
  readonly prepare: (folder: string) => void;
}

export const dataPlanes: readonly DataPlane[] = [
  { name: 'weft', flags: [], prepare: () => {} },
  { name: 'envoy', flags: ['--data-plane', 'envoy'], prepare: () => {} },
  {
    name: 'mixed',
    flags: [],
    prepare: (folder) => annotate(folder, ['reviews.yaml', 'details.yaml'], 'envoy'),
  },
];

/** Gives the Pods of these files another data plane than the mesh's. */
function annotate(folder: string, files: readonly string[], dataPlane: string): void {
  for (const file of files) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replaceAll(
        '        weft.dev/command:',
        `        weft.dev/data-plane: ${dataPlane}\n        weft.dev/command:`,
      ),
    );
  }
}
