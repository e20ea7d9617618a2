/**
 * One path, one spelling, whoever looks: in every mode of MeshConfig.pathNormalization each of %01 to %ff, each byte as
 * it is, and the tricks by which paths get past policies, at a rule that denies and at one that allows. weft's proxy,
 * Envoy and simulation give the same answer, and pass on the same path.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTarget } from '../../../src/control/explain/call.ts';
import { journeys } from '../../../src/control/explain/journeys.ts';
import { type ExplainMesh, explainMesh } from '../../../src/control/explain/mesh.ts';
import { Places } from '../../../src/control/explain/places.ts';
import { httpService, meshOf, storeOf } from '../../../src/testing/compiled-mesh.ts';
import { envoyForTests } from '../../serve/envoy.ts';
import { type GuardedMesh, type GuardedPair, startGuarded } from './compiled-managers.ts';
import { type Came, LineClient } from './line-client.ts';

const binary = await envoyForTests();
const MODES = ['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'] as const;
const RULES = {
  DENY: '{to: [{operation: {paths: [/admin, /admin/*]}}]}',
  ALLOW: '{to: [{operation: {paths: [/public, /public/*]}}]}',
} as const;

interface PathMesh extends GuardedMesh {
  readonly mode: (typeof MODES)[number];
  readonly action: keyof typeof RULES;
}

const meshes: readonly PathMesh[] = MODES.flatMap((mode) =>
  (['DENY', 'ALLOW'] as const).map((action) => ({
    mode,
    action,
    name: `${mode}, ${action}`,
    who: 'sidecar~default/web-v1',
    yaml: `${httpService('web')}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: "pathNormalization: {normalization: ${mode}}"
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: paths, namespace: default}
spec: {action: ${action}, rules: [${RULES[action]}]}`,
  })),
);

const hex = (code: number): string => code.toString(16).padStart(2, '0');
const codes = Array.from({ length: 255 }, (_, i) => i + 1);
/** The start of what a rule is about, cut in two, and what may stand between. */
const around = (one: string): readonly string[] => [
  `/ad${one}min`,
  `/admin${one}`,
  `/public${one}x`,
  `/a/${one}/b`,
];
const escapes = codes.flatMap((code) => around(`%${hex(code)}`));
/** Bytes as they are, but for those that end a request's line. */
const bytes = codes
  .filter((code) => ![0x0a, 0x0d, 0x20, 0x23, 0x3f].includes(code))
  .flatMap((code) => around(String.fromCharCode(code)));

const TRICKS = [
  '//admin',
  '/admin//',
  '///admin',
  '/./admin',
  '/admin/.',
  '/x/../admin',
  '/x/..//admin',
  '/x//../admin',
  '/admin/../admin',
  '/public/../admin',
  '/public/..//admin',
  '/public//../admin',
  '/public/./../admin',
  '/public/%2e%2e/admin',
  '/public/%2E%2E/admin',
  '/public/.%2e/admin',
  '/public/%2e./admin',
  '/public/..%2fadmin',
  '/public%2f..%2fadmin',
  '/public%2F..%2Fadmin',
  '/public/..%5cadmin',
  '/public%5c..%5cadmin',
  '/public/..\\admin',
  '/public\\..\\admin',
  '\\admin',
  '/\\admin',
  '/%5cadmin',
  '/%2fadmin',
  '/%2Fadmin',
  '/%61dmin',
  '/%41dmin',
  '/adm%69n',
  '/admi%6e',
  '/%2561dmin',
  '/%252fadmin',
  '/%252e%252e/admin',
  '/public/%252e%252e/admin',
  '/Admin',
  '/ADMIN',
  '/admin;',
  '/admin;x=1',
  '/admin;/',
  '/;admin',
  '/public;/../admin',
  '/public/..;/admin',
  '/public/..;x/admin',
  '/public/.;/../admin',
  '/public/%2e%2e;/admin',
  '/admin%00',
  '/admin%00.html',
  '/%00/admin',
  '/public/%00/../admin',
  '/admin%20',
  '/admin%09',
  '/admin%0a',
  '/admin%0d%0a',
  '/admin%23',
  '/admin%3f',
  '/admin?',
  '/admin?x=/public',
  '/public?/../admin',
  '/public/%3f/../admin',
  '/admin.',
  '/admin/',
  '/admin/x',
  '/adminx',
  '/public',
  '/public/',
  '/public/a',
  '/publicx',
  // Overlong UTF-8 of '/', '.' and 'a', halves of surrogates, and bytes that begin nothing.
  '/public/%c0%ae%c0%ae/admin',
  '/public%c0%afadmin',
  '/%c1%a1dmin',
  '/public/%e0%80%ae%e0%80%ae/admin',
  '/public/%f0%80%80%ae/admin',
  '/%ed%a0%80admin',
  '/%ff%feadmin',
  '/%c3%28admin',
  // Full-width and look-alike letters.
  '/%ef%bd%81dmin',
  '/public/%ef%bc%8e%ef%bc%8e/admin',
  '/public%e2%88%95admin',
  // Escapes that are none, and halves of some.
  '/admin%',
  '/admin%2',
  '/admin%zz',
  '/%admin',
  '/%u0061dmin',
  '/public/%2',
  '/public/%2g%2e/admin',
  '/../admin',
  '/../../admin',
  '/..',
  '/.',
  '//',
  '///',
  '/',
  '/public/../../../admin',
  '/public/.../admin',
  '/public/. /admin'.replace(' ', '%20'),
  'http://web/admin',
  'http://web//admin',
  'http://web/public/../admin',
  'HTTP://web/%61dmin',
  'http://web?/admin',
  'http://web',
  '*',
  'admin',
  'public/../admin',
] as const;

/** What became of a path: the status, and the path that the upstream saw or the client is sent to. */
type Fate = `${number} ${string}`;

function fate({ status, headers, saw }: Came): Fate {
  const location = headers.get('location')?.replace(/^https?:\/\/[^/?#]*/, '');
  return `${status} ${saw?.split(' ')[1] ?? location ?? ''}`;
}

/**
 * Where weft means to differ, and is the stricter one (docs/envoy-differences.md): dots with parameters are dots, a tab
 * ends no target, and what an absolute target without a path asks for is `/`.
 */
function meant(path: string, envoy: Fate, weft: Fate): boolean {
  if (/%2e;/i.test(path)) return envoy.includes('/..;') && /^403|^200 \/admin$/.test(weft);
  if (path.includes('\t')) return weft.startsWith('400');
  return path === 'http://web?/admin' && envoy.startsWith('404') && /^403|^200 \/\?/.test(weft);
}

function isAdmin(path: string): boolean {
  return /^\/admin(\/|$)/.test(new URL(`http://a${path}`).pathname);
}

/** The same in simulation: a client in no mesh calls the workload. */
function simulated(mesh: ExplainMesh, places: Places, path: string): Fate {
  const target = parseTarget('http://web.default/');
  if (target === undefined) throw new Error('no target');
  const call = {
    from: { kind: 'workload', namespace: 'default', name: 'web-v1' },
    target: { ...target, path },
    method: 'GET',
    headers: [],
    sni: '',
    plaintext: true,
  } as const;
  const [journey] = journeys(mesh, call, places);
  const { response, arrival } = journey?.ending ?? {};
  const location = response?.headers.find(([name]) => name === 'location')?.[1];
  const to = location?.replace(/^https?:\/\/[^/?#]*/, '');
  return `${response?.status ?? 0} ${arrival?.request?.path ?? to ?? ''}`;
}

describe.skipIf(binary === undefined)('paths in every mode', () => {
  let pair: GuardedPair;
  beforeAll(async () => {
    pair = (await startGuarded(meshes)) as GuardedPair;
  });
  afterAll(() => pair?.stop());

  async function fates(side: 'envoy' | 'weft', index: number, paths: readonly string[]): Promise<Fate[]> {
    const client = new LineClient(pair.port(side, index));
    const found: Fate[] = [];
    for (const path of paths) found.push(fate(await client.ask(`GET ${path} HTTP/1.1\r\nhost: web\r\n\r\n`)));
    client.close();
    return found;
  }

  const all = [...escapes, ...bytes, ...TRICKS];
  it.each(meshes.map((mesh, index) => ({ ...mesh, index })))(
    '$name',
    async ({ index, yaml, mode, action }) => {
      const [envoy, weft] = await Promise.all([fates('envoy', index, all), fates('weft', index, all)]);
      const explained = explainMesh(storeOf(yaml).resources(), { offline: true }, meshOf(yaml));
      const places = new Places(explained);
      const lines = all.flatMap((path, i) => {
        const [e = '0 ', w = '0 '] = [envoy[i], weft[i]] as const;
        // Simulation knows URLs, whose paths begin with a slash.
        const s = path.startsWith('/') ? simulated(explained, places, path) : w;
        if ((w === e || meant(path, e, w)) && s === w) return [];
        return [`${JSON.stringify(path)}: envoy ${e}, weft ${w}, simulated ${s}`];
      });
      // In the strictest mode nothing passes that any reader of URLs takes for what is denied.
      if (mode === 'DECODE_AND_MERGE_SLASHES' && action === 'DENY')
        expect(weft.filter((one) => one.startsWith('200 ') && isAdmin(one.slice(4)))).toEqual([]);
      console.log(`${mode} ${action}: ${all.length} paths, ${lines.length} differ`);
      expect(lines).toEqual([]);
    },
  );
});
