import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpService } from '../testing/compiled-mesh.ts';
import { runDump } from './dump.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-dump-'));
  await writeFile(join(folder, 'mesh.yaml'), httpService('web', { versions: ['v1'] }));
  await writeFile(
    join(folder, 'bad.yaml'),
    'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: { name: g }\nspec: { servres: [] }\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function dump(files: readonly string[], proxy: string) {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    terminal: false,
    cwd: folder,
    env: {},
    stdin: async () => httpService('piped'),
  };
  const code = await runDump(files, { proxy }, io);
  return { code, err, json: out === '' ? undefined : JSON.parse(out) };
}

describe('weft dump', () => {
  it('prints a config_dump with all kinds of resources, and of secrets the names', async () => {
    const { code, json, err } = await dump(['mesh.yaml'], 'sidecar~default/web-v1');
    expect(code, err).toBe(0);
    const types = json.configs.map((config: { '@type': string }) => config['@type'].replace(/.*\./, ''));
    expect(types).toEqual([
      'BootstrapConfigDump',
      'ClustersConfigDump',
      'ListenersConfigDump',
      'RoutesConfigDump',
      'EndpointsConfigDump',
      'SecretsConfigDump',
    ]);
    expect(json.configs[1].dynamic_active_clusters[0].cluster.name).toBe('BlackHoleCluster');
    expect(json.configs[2].dynamic_listeners[0].active_state.listener.name).toBe('0.0.0.0_80');
    expect(json.configs[3].dynamic_route_configs[0].route_config.name).toBe('80');
    expect(json.configs[4].dynamic_endpoint_configs[0].endpoint_config.cluster_name).toBe(
      'outbound|80||web.default.svc.cluster.local',
    );
    expect(json.configs[5].dynamic_active_secrets).toEqual([{ name: 'ROOTCA' }, { name: 'default' }]);
  });

  it('reads standard input, and names a workload also by its Deployment', async () => {
    expect((await dump(['-'], 'sidecar~default/piped-v1')).code).toBe(0);
  });

  it('knows the gateway that weft up adds', async () => {
    const { code, json } = await dump(['mesh.yaml'], 'gateway~istio-system/istio-ingressgateway');
    expect(code).toBe(0);
    expect(json.configs[0].bootstrap.node.id).toMatch(/^router~/);
  });

  it('says what is left out, and goes on with the rest', async () => {
    const { code, json, err } = await dump(['mesh.yaml', 'bad.yaml'], 'sidecar~default/web-v1');
    expect(code).toBe(1);
    expect(json.configs).toHaveLength(6);
    expect(err).toMatch(/bad\.yaml:1: spec\.servres/);
  });

  it('tells a workload that is not there from a command that makes no sense', async () => {
    const missing = await dump(['mesh.yaml'], 'sidecar~default/nobody');
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('default/web-v1')]);
    expect((await dump(['mesh.yaml'], 'web-v1')).code).toBe(2);
    expect((await dump(['nothing.yaml'], 'sidecar~default/web-v1')).code).toBe(2);
  });
});
