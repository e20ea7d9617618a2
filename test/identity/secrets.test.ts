import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiTokenFile, userHomes } from '../../src/local/state.ts';
import { testIssuer } from '../../src/proxy/filters/http/jwt-authn/test-issuer.ts';
import type { StatusReport } from '../../src/server/contract.ts';
import { makeTestCa, makeTestLeaf } from '../../src/testing/certificates.ts';
import { commandOf, processTree } from '../mesh/enclosure.ts';
import { eventually } from '../mesh/eventually.ts';
import { openGateway } from '../mesh/manifests.ts';
import { lacks, meshNeeds } from '../mesh/needs.ts';
import { addProbe } from '../mesh/probe.ts';
import { type Mesh, root, runMesh } from '../mesh/run-mesh.ts';

// Secrets of every kind go through a mesh with both data planes, and then everything that anybody could read is searched.

const issuer = testIssuer('RS256');
const claims = { iss: 'me', sub: 'a', exp: Math.floor(Date.now() / 1000) + 600, ssn: 'claim-078-05-1120' };
const sent = {
  token: issuer.token(claims),
  refused: issuer.token({ ...claims, exp: 1000 }),
  header: 'header-5b0c3f2a',
  cookie: 'cookie-91d7e6aa',
  broken: 'broken-4e1f77c0',
  literal: 'literal-c2a960fe',
};

const objects = (
  cert: string,
  key: string,
): string => `${openGateway}  - port: {number: 8443, name: https, protocol: HTTPS}
    hosts: ["*"]
    tls: {mode: SIMPLE, credentialName: edge}
---
apiVersion: v1
kind: Secret
metadata: {name: edge, namespace: istio-system}
type: kubernetes.io/tls
data:
  tls.crt: ${Buffer.from(cert).toString('base64')}
  tls.key: ${Buffer.from(key).toString('base64')}
---
apiVersion: v1
kind: Secret
metadata: {name: broken, namespace: default}
data: {password: {deep: ${sent.broken}}}
---
apiVersion: v1
kind: Secret
metadata: {name: literal, namespace: default}
stringData: ${sent.literal}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens}
spec:
  selector: {matchLabels: {app: api}}
  jwtRules: [{issuer: me, jwks: '${JSON.stringify({ keys: [issuer.jwk] })}'}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  rules:
  - to: [{operation: {paths: ["/"]}}]
  - when:
    - {key: "request.auth.claims[group]", values: [staff]}
    - {key: "request.headers[x-client-secret]", values: [right]}
    - {key: "request.headers[cookie]", values: [right]}
`;

describe.skipIf(lacks('secrets', ...meshNeeds, 'root', 'nsenter'))('no secret of a mesh is told', () => {
  let mesh: Mesh;
  let needles: ReadonlyMap<string, string>;
  beforeAll(async () => {
    const leaf = await makeTestLeaf(await makeTestCa(), 'istio-system', 'edge');
    mesh = await runMesh({
      empty: true,
      prepare(folder) {
        cpSync(join(root, 'examples/bookinfo/mesh.yaml'), join(folder, 'mesh.yaml'));
        writeFileSync(join(folder, 'objects.yaml'), objects(leaf.chainPem, leaf.keyPem));
        addProbe(folder, { name: 'api', sidecar: true });
        addProbe(folder, { name: 'envoy', sidecar: true });
        const file = join(folder, 'envoy.yaml');
        const text = readFileSync(file, 'utf8');
        writeFileSync(
          file,
          text.replace('{weft.dev/command:', '{weft.dev/data-plane: envoy, weft.dev/command:'),
        );
      },
      isUp: async (url) => {
        for (const path of ['/api/', '/envoy/'])
          expect((await fetch(`${url}${path}`, { signal: AbortSignal.timeout(3_000) })).status).toBe(200);
      },
    });
    for (const token of [sent.token, sent.refused])
      for (const path of ['/api/x', '/envoy/x'])
        await fetch(`${mesh.gateway}${path}`, {
          headers: {
            authorization: `Bearer ${token}`,
            'x-client-secret': sent.header,
            cookie: `session=${sent.cookie}`,
          },
        });
    needles = new Map([
      ...Object.entries(sent).map(([name, text]) => [`sent ${name}`, text.split('.').at(-1) ?? ''] as const),
      ['claim', claims.ssn],
      ...keyLines(leaf.keyPem).map((line) => ['key of the gateway', line] as const),
      ['key of the gateway, base64', Buffer.from(leaf.keyPem).toString('base64').slice(124, 156)],
      ...secretFiles(mesh),
    ]);
  });
  afterAll(() => mesh?.stop());

  /** Names of the secrets that a text holds. */
  const told = (text: string): readonly string[] =>
    [...needles].filter(([, secret]) => text.includes(secret)).map(([name]) => name);

  it('there are some to be found', () => {
    const names = [...needles.keys()].join('\n');
    for (const kind of ['key of the gateway', 'control/ca/', '.token', '/proxy/token', 'sent token'])
      expect(names).toContain(kind);
    for (const secret of needles.values()) expect(secret.length).toBeGreaterThan(8);
  });

  it('in logs and in what weft up prints', () => {
    expect(told(mesh.output())).toEqual([]);
    const logs = join(mesh.state(), 'logs');
    for (const name of readdirSync(logs))
      expect(told(readFileSync(join(logs, name), 'utf8')), name).toEqual([]);
    const audit = readdirSync(dirname(mesh.state())).filter((name) => name.startsWith('audit-'));
    expect(audit.length).toBeGreaterThan(0);
    for (const name of audit)
      expect(told(readFileSync(join(dirname(mesh.state()), name), 'utf8'))).toEqual([]);
  });

  it('by the API: status, dumps, denials, objects', async () => {
    const status = (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;
    const proxies = status.proxies.map(({ name }) => name);
    expect(proxies).toHaveLength(3);
    const refused = status.configuration.filter(({ kind, state }) => kind === 'Secret' && state !== 'ok');
    expect(refused.map(({ name }) => name)).toEqual(['broken', 'literal']);
    await eventually(async () => {
      const { kept } = (await (await fetch(`${mesh.dashboard}/api/denials`)).json()) as { kept: number };
      expect(kept).toBeGreaterThanOrEqual(2);
    });
    const parts = ['bootstrap', 'listeners', 'routes', 'clusters', 'endpoints', 'secrets', 'policies'];
    const paths = [
      ...['status', 'proxies', 'ca', 'denials'],
      ...proxies.map((name) => `dump?proxy=${name}`),
      ...proxies.map((name) => `dump?proxy=${name}&${parts.map((part) => `part=${part}`).join('&')}`),
      ...['edge', 'broken', 'literal'].map((name) => `object?kind=Secret&namespace=default&name=${name}`),
      'object?kind=Secret&namespace=istio-system&name=edge',
      `explain?from=outside&request=${encodeURIComponent('GET http://localhost:8080/api/')}`,
    ];
    for (const path of paths) {
      const text = await (await fetch(`${mesh.dashboard}/api/${path}`)).text();
      expect(text.length, path).toBeGreaterThan(2);
      expect(told(text), path).toEqual([]);
    }
  });

  it('by the administration of proxies', () => {
    const proxies = processTree(mesh.process.pid!).filter((pid) =>
      commandOf(pid).includes('/proxy/bootstrap.json'),
    );
    expect(proxies.length).toBeGreaterThanOrEqual(3);
    for (const pid of proxies)
      for (const path of [
        'config_dump?include_eds',
        'certs',
        'server_info',
        'stats',
        'clusters',
        'init_dump',
      ]) {
        const text = fetchIn(pid, `http://127.0.0.1:15000/${path}`);
        expect(text, `${commandOf(pid)} ${path}`).not.toBe('');
        expect(told(text), `${commandOf(pid)} ${path}`).toEqual([]);
      }
  });

  it('in command lines and environments of processes', () => {
    const tree = processTree(mesh.process.pid!);
    expect(tree.length).toBeGreaterThan(6);
    for (const pid of tree) {
      expect(told(commandOf(pid)), commandOf(pid)).toEqual([]);
      expect(told(environmentOf(pid)), commandOf(pid)).toEqual([]);
    }
  });

  it('in files that others can read', () => {
    const open = openToOthers(dirname(mesh.state())).filter(
      (file) => file.startsWith(mesh.state()) || /(?:token|audit-\d+\.log)$/.test(file),
    );
    expect(open.length).toBeGreaterThan(0);
    for (const file of open) expect(told(readFileSync(file, 'latin1')), file).toEqual([]);
    for (const file of open)
      expect(readFileSync(file, 'latin1').includes('PRIVATE KEY'), `${file} holds a key`).toBe(false);
  });

  it('and nobody changes anything without a token that only its owner can read', async () => {
    const port = new URL(mesh.dashboard).port;
    const file = tokenFile(mesh);
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    // On connections of its own: kept ones may have been closed while this process waited for others.
    const forget = (headers: Record<string, string> = {}) =>
      new Promise<{ readonly status: number | undefined }>((resolve, reject) => {
        const options = { method: 'DELETE', headers, agent: false };
        request(`${mesh.dashboard}/api/denials`, options, (response) => {
          response.resume();
          resolve({ status: response.statusCode });
        })
          .on('error', reject)
          .end();
      });
    expect((await forget()).status).toBe(401);
    expect((await forget({ authorization: `Bearer ${sent.token}` })).status).toBe(401);
    const authorization = `Bearer ${readFileSync(file, 'utf8').trim()}`;
    expect((await forget({ authorization, origin: 'https://evil.example' })).status).toBe(403);
    expect((await forget({ authorization })).status).toBe(200);
    const lines = readFileSync(join(dirname(mesh.state()), `audit-${port}.log`), 'utf8')
      .trim()
      .split('\n');
    const entries = lines
      .map((line) => JSON.parse(line))
      .filter(({ what }) => what === 'DELETE /api/denials');
    expect(entries.map(({ outcome, role }) => [outcome, role])).toEqual([
      ['refused', 'view'],
      ['refused', undefined],
      ['refused', undefined],
      ['done', 'admin'],
    ]);
    expect(told(lines.join('\n'))).toEqual([]);
  });

  it('by a process that crashes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-crash-'));
    try {
      writeFileSync(join(folder, 'objects.yaml'), readFileSync(join(mesh.folder, 'objects.yaml')));
      const script = 'setTimeout(() => { Promise.reject(new Error("crashed on purpose")) }, 3000)';
      const crash = `data:text/javascript,${encodeURIComponent(script)}`;
      const argv = [join(root, 'dist/cli.js'), 'control', folder, '--key-dir', join(folder, 'ca')];
      const more = [
        '--listen',
        '127.0.0.1:0',
        '--api',
        '127.0.0.1:0',
        '--api-token-file',
        join(folder, 'token'),
      ];
      const child = spawn(process.execPath, [...argv, ...more], {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: `--import=${crash}` },
      });
      let output = '';
      child.stdout.on('data', (chunk) => (output += chunk));
      child.stderr.on('data', (chunk) => (output += chunk));
      const token = await eventually(() => readFileSync(join(folder, 'token'), 'utf8').trim());
      const code = await new Promise((resolve) => child.once('exit', resolve));
      expect(code).not.toBe(0);
      expect(output).toContain('crashed on purpose');
      expect(told(output)).toEqual([]);
      expect(output).not.toContain(token);
      expect(output).not.toContain('PRIVATE KEY');
      expect(readdirSync(folder).filter((name) => /^(?:core|report)/.test(name))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** A piece of a key's PEM that nothing public has: of elliptic curves the scalar, of RSA what comes last. */
function keyLines(pem: string): readonly string[] {
  const lines = pem.split('\n').filter((line) => /^[A-Za-z0-9+/=]{20,}$/.test(line));
  const piece = lines.length <= 4 ? lines[1]?.slice(0, 24) : lines.at(-3);
  return piece === undefined ? [] : [piece];
}

/** Where commands of the same user find the token of this run. */
function tokenFile({ dashboard }: Mesh): string {
  const files = userHomes(process.env).map((home) => apiTokenFile(home, Number(new URL(dashboard).port)));
  return files.find((file) => existsSync(file)) ?? '';
}

/** Tokens and private keys in files of a run: where each is, and a piece of it. */
function secretFiles(mesh: Mesh): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (const file of [...filesBelow(mesh.state()), tokenFile(mesh)]) {
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'latin1').replaceAll('\\n', '\n');
    for (const [, body = ''] of text.matchAll(/PRIVATE KEY-----\n([\s\S]+?)-----END/g))
      for (const line of keyLines(body)) found.push([file, line]);
    if (/token$/.test(file)) found.push([file, text.trim().split('.').at(-1) ?? '']);
  }
  return found;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** Files below a folder that anybody but their owner can open: every folder on the way lets them through. */
function openToOthers(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const mode = entry.isDirectory() || entry.isFile() ? lstatSync(path).mode : 0;
    if (entry.isDirectory()) return (mode & 0o011) === 0 ? [] : openToOthers(path);
    return (mode & 0o044) === 0 ? [] : [path];
  });
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

function fetchIn(pid: number, url: string): string {
  const script = `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((t) => process.stdout.write(t))`;
  const { stdout } = spawnSync('nsenter', ['-t', String(pid), '-n', process.execPath, '-e', script], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 20_000,
  });
  return stdout;
}
