import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meshOf, proxyOf } from '../../src/testing/compiled-mesh.ts';
import { envoyComplaints, envoyForTests } from './envoy-validate.ts';

const envoy = envoyForTests();
if (envoy === undefined) console.warn('skipped: no Envoy (set WEFT_ENVOY, or have one on PATH or in .weft)');

const mesh = readFileSync(join(import.meta.dirname, 'meshes/networking.yaml'), 'utf8');

describe.skipIf(envoy === undefined)('Envoy takes the rarer parts of the networking API', () => {
  it.each(['sidecar~default/web', 'sidecar~default/reviews-v1'])('%s', (who) =>
    expect(envoyComplaints(envoy ?? '', proxyOf(meshOf(mesh), who))).toBe(''),
  );
});
