import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWhy } from '../../src/cli/why.ts';
import { testIssuer } from '../../src/proxy/filters/http/jwt-authn/test-issuer.ts';
import type { DenialReport, DenialsReport } from '../../src/server/contract.ts';
import { dataPlanes } from './data-planes.ts';
import { eventually } from './eventually.ts';
import { echoServer, openGateway } from './manifests.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe } from './probe.ts';
import { type Mesh, root, runMesh } from './run-mesh.ts';

const issuer = testIssuer('RS256');

const policy = (name: string, app: string, spec: string, more = ''): string => `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}${more}}
spec: {selector: {matchLabels: {app: ${app}}}, ${spec}}
`;

const policies = [
  policy('deny-admin', 'api', 'action: DENY, rules: [{to: [{operation: {paths: ["/admin*"]}}]}]'),
  policy(
    'viewers',
    'api',
    `rules: [
      {from: [{source: {principals: ["cluster.local/ns/default/sa/nobody"]}}], to: [{operation: {methods: [GET]}}]},
      {to: [{operation: {paths: ["/admin*", "/open*", "/trial*"]}}]},
      {when: [{key: "request.auth.claims[group]", values: [staff]}]},
      {when: [{key: "request.headers[x-team]", values: [red]}], to: [{operation: {methods: [PUT], paths: ["/nowhere"]}}]}]`,
  ),
  policy(
    'trial',
    'api',
    'action: DENY, rules: [{to: [{operation: {paths: ["/trial*"]}}]}]',
    ', annotations: {istio.io/dry-run: "true"}',
  ),
  policy('tcp', 'echo', 'action: DENY, rules: [{from: [{source: {namespaces: [default]}}]}]'),
  `---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens}
spec:
  selector: {matchLabels: {app: api}}
  jwtRules: [{issuer: me, jwks: '${JSON.stringify({ keys: [issuer.jwk] })}'}]
`,
].join('');

describe.skipIf(lacks('denials', ...meshNeeds)).each(dataPlanes.slice(0, 2))(
  'why a policy denied a call, $name',
  ({ flags }) => {
    let mesh: Mesh;
    beforeAll(async () => {
      mesh = await runMesh({
        flags,
        empty: true,
        prepare(folder) {
          cpSync(join(root, 'examples/bookinfo/mesh.yaml'), join(folder, 'mesh.yaml'));
          cpSync(join(root, 'test/mesh/apps/echo.ts'), join(folder, 'echo.ts'));
          writeFileSync(join(folder, 'gateway.yaml'), openGateway);
          writeFileSync(join(folder, 'echo.yaml'), echoServer('echo'));
          writeFileSync(join(folder, 'policies.yaml'), policies);
          addProbe(folder, { name: 'api', sidecar: true });
          addProbe(folder, { name: 'inside', sidecar: true });
        },
        isUp: async (url) => {
          for (const path of ['/api/open', '/inside/'])
            expect((await fetch(`${url}${path}`, { signal: AbortSignal.timeout(3_000) })).status).toBe(200);
          expect((await fetch(`${url}/api/admin`)).status).toBe(403);
        },
      });
    });
    afterAll(() => mesh?.stop());

    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${mesh.gateway}${path}`, { headers });
      const text = await response.text();
      return { status: response.status, text, id: response.headers.get('x-request-id') ?? '' };
    };
    const why = (id: string): Promise<DenialReport> =>
      eventually(async () => {
        const response = await fetch(`${mesh.dashboard}/api/denials?${new URLSearchParams({ id })}`);
        const { denials } = (await response.json()) as DenialsReport;
        expect(denials).toHaveLength(1);
        return denials[0] as DenialReport;
      });

    it('by a rule that denies: the rule and the value, and to the caller a reference only', async () => {
      const { status, text, id } = await ask('/api/admin/x?key=secret-in-the-query');
      expect({ status, text }).toEqual({ status: 403, text: 'RBAC: access denied' });
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      const told = await why(id);
      expect(told).toMatchObject({
        workload: 'default/api',
        status: 403,
        verdict: 'denied',
        check: 'authorization',
        request: { method: 'GET', path: '/admin/x' },
        policy: { kind: 'AuthorizationPolicy', namespace: 'default', name: 'deny-admin', rule: 0 },
        nearest: false,
        values: [{ attribute: 'request.path', wanted: ['/admin*'], was: '/admin/x', failed: false }],
      });
      expect(told.policy?.file).toMatch(/policies\.yaml$/);
      expect(told.caller.principal).toMatch(/^spiffe:\/\/cluster\.local\/ns\/istio-system\/sa\//);
      expect(JSON.stringify(told)).not.toContain('secret-in-the-query');
    });

    it('because no rule allows it: the nearest one, and what it lacks', async () => {
      const told = await why((await ask('/api/elsewhere', { 'x-team': 'blue' })).id);
      expect(told).toMatchObject({
        why: 'none of the 4 rules of 1 policy that allow takes it',
        policy: { name: 'viewers', rule: 0 },
        nearest: true,
        values: [
          {
            attribute: 'source.principal',
            wanted: ['cluster.local/ns/default/sa/nobody'],
            was: told.caller.principal.replace('spiffe://', ''),
            failed: true,
          },
          { attribute: 'request.method', was: 'GET', failed: false },
        ],
      });
    });

    it('tokens: which check failed, and of claims the one that was asked for', async () => {
      const nowS = Math.floor(Date.now() / 1000);
      const expired = issuer.token({ iss: 'me', sub: 'a', exp: nowS - 3600 });
      const refused = await ask('/api/elsewhere', { authorization: `Bearer ${expired}` });
      expect(refused.status).toBe(401);
      expect(await why(refused.id)).toMatchObject({
        check: 'token',
        status: 401,
        why: 'the token is refused: Jwt is expired',
        policy: { kind: 'RequestAuthentication', name: 'tokens' },
      });
      const good = issuer.token({
        iss: 'me',
        sub: 'a',
        exp: nowS + 600,
        group: 'guests',
        ssn: 'hidden-claim',
      });
      const { status, id } = await ask('/api/elsewhere', { authorization: `Bearer ${good}` });
      expect(status).toBe(403);
      const told = await why(id);
      expect(JSON.stringify(told)).not.toContain('hidden-claim');
      expect(JSON.stringify(told)).not.toContain(good);
    });

    it('policies that only observe: what they would deny', async () => {
      const response = await ask('/inside/fetch?url=http://api:9080/trial/x');
      expect(response.status).toBe(200);
      const told = await eventually(async () => {
        const all = (await (await fetch(`${mesh.dashboard}/api/denials`)).json()) as DenialsReport;
        const found = all.denials.find(({ verdict }) => verdict === 'would-deny');
        expect(found).toBeDefined();
        expect(all.observed).toMatchObject([
          {
            policy: { kind: 'AuthorizationPolicy', namespace: 'default', name: 'trial' },
            caller: 'spiffe://cluster.local/ns/default/sa/default',
            workload: 'default/api',
            count: 1,
          },
        ]);
        return found as DenialReport;
      });
      expect(told).toMatchObject({
        status: 200,
        policy: { name: 'trial', rule: 0 },
        caller: { principal: 'spiffe://cluster.local/ns/default/sa/default' },
        values: [{ attribute: 'request.path', was: '/trial/x' }],
      });
    });

    it('connections without requests', async () => {
      const query = new URLSearchParams({ host: 'echo', port: '9000', send: 'a' });
      const told = await eventually(async () => {
        await fetch(`${mesh.gateway}/inside/tcp?${query}`); // again, where the server was not up yet
        const all = (await (await fetch(`${mesh.dashboard}/api/denials`)).json()) as DenialsReport;
        const found = all.denials.find(({ protocol }) => protocol === 'tcp');
        expect(found).toBeDefined();
        return found as DenialReport;
      });
      expect(told).toMatchObject({
        workload: 'default/echo',
        verdict: 'denied',
        port: 9000,
        policy: { name: 'tcp', rule: 0 },
        values: [{ attribute: 'source.namespace', wanted: ['default'], was: 'default' }],
      });
      expect(told.id).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('weft why says so in words', async () => {
      const { id } = await ask('/api/admin');
      await why(id);
      let out = '';
      const io = { out: (text: string) => void (out += text), err: (text: string) => void (out += text) };
      const asked = (reference: string | undefined) =>
        runWhy(reference, { api: mesh.dashboard, output: 'text' }, io as never);
      expect(await asked(id)).toBe(0);
      expect(out).toContain('denied with 403: GET ');
      expect(out).toMatch(
        /policy {2}AuthorizationPolicy default\/deny-admin rule 0 \(.*policies\.yaml:\d+\)/,
      );
      expect(out).toContain('! request.path: wanted /admin*, was /admin');
      out = '';
      expect(await asked(undefined)).toBe(0);
      expect(out).toMatch(/AuthorizationPolicy default\/trial +1 +spiffe:/);
      out = '';
      expect(await asked('nothing-was-called-so')).toBe(1);
      expect(out).toContain('nothing was denied under the reference nothing-was-called-so');
    });
  },
);
