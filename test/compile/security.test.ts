import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProxyView } from '../../src/control/compile.ts';
import { meshOf, proxyOf } from '../../src/testing/compiled-mesh.ts';
import { envoyComplaints, envoyForTests } from './envoy-validate.ts';

const envoy = envoyForTests();
if (envoy === undefined) console.warn('skipped: no Envoy (set WEFT_ENVOY, or have one on PATH or in .weft)');

const mesh = readFileSync(join(import.meta.dirname, 'meshes/security.yaml'), 'utf8');

/** The definitions at hand are older than `sourced_metadata`, which replaces `metadata` in rules. */
const isKnown = (line: string): boolean =>
  /option 'envoy\.config\.rbac\.v3\.(?:Principal|Permission)\.metadata'/.test(line);

const complaints = (view: ProxyView): readonly string[] =>
  envoyComplaints(envoy ?? '', view)
    .split('\n')
    .filter((line) => line !== '' && !isKnown(line));

describe.skipIf(envoy === undefined)('Envoy takes every field of policies and tokens', () => {
  it('of a workload', () => expect(complaints(proxyOf(meshOf(mesh), 'sidecar~default/web'))).toEqual([]));

  it('of a gateway', () =>
    expect(complaints(proxyOf(meshOf(mesh), 'router~default/edge', { app: 'edge' }))).toEqual([]));
});
