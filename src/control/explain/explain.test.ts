import { describe, expect, it } from 'vitest';
import { explained, meshOfFiles, meshToExplain } from '../../testing/traffic/explained.ts';
import type { Explanation } from './explanation.ts';

const BOOKINFO = 'examples/bookinfo';
const variant = (name: string) => meshOfFiles(`${BOOKINFO}/variants/${name}`, BOOKINFO);
const REVIEWS = 'default/productpage-v1 GET http://reviews:9080/reviews/0';
const cluster = (subset: string) => `outbound|9080|${subset}|reviews.default.svc.cluster.local`;

/** The step that begins so. */
function step({ steps }: Explanation, begin: string) {
  return steps.find(({ what }) => what.startsWith(begin));
}

describe('bookinfo', () => {
  it('says where shares of the calls go, by names of Istio', async () => {
    const answer = explained(await meshOfFiles(BOOKINFO), REVIEWS);
    expect(answer).toMatchObject({
      outcome: 'forward',
      status: 200,
      listener: '0.0.0.0_9080',
      virtualHost: 'reviews.default.svc.cluster.local:9080',
      route: 'shares',
      cluster: cluster('v1'),
      tls: 'mutual',
      timeoutMs: 0,
      retries: { attempts: 2, perTryTimeoutMs: 0 },
      request: { path: '/reviews/0', authority: 'reviews:9080' },
    });
    expect(answer.destinations).toEqual([
      { cluster: cluster('v1'), share: 0.34, workloads: ['default/reviews-v1'] },
      { cluster: cluster('v2'), share: 0.33, workloads: ['default/reviews-v2'] },
      { cluster: cluster('v3'), share: 0.33, workloads: ['default/reviews-v3'] },
    ]);
  });

  it('names the line that is the reason, at both ends', async () => {
    const answer = explained(await meshOfFiles(BOOKINFO), REVIEWS);
    expect(step(answer, 'route "shares"')?.because).toEqual({
      kind: 'VirtualService',
      namespace: 'default',
      name: 'reviews',
      file: `${BOOKINFO}/reviews-routes.yaml`,
      line: 8,
    });
    expect(step(answer, `cluster ${cluster('v1')}`)?.because).toMatchObject({
      kind: 'DestinationRule',
      line: 8,
    });
    expect(step(answer, 'filter chain 0.0.0.0_9080 (port 9080, TLS)')?.because).toMatchObject({
      kind: 'PeerAuthentication',
      file: `${BOOKINFO}/mutual-tls.yaml`,
    });
    expect(answer.steps.at(-1)?.what).toBe(
      'default/reviews-v1 gets GET /reviews/0 for reviews:9080 at port 9080',
    );
  });

  it('says why other routes were not taken', async () => {
    const mesh = await variant('by-user');
    expect(explained(mesh, REVIEWS, { 'end-user': 'jason' })).toMatchObject({
      route: 'jason',
      cluster: cluster('v2'),
    });
    const answer = explained(mesh, REVIEWS, { 'end-user': 'mia' });
    expect(answer).toMatchObject({ route: 'everybody-else', cluster: cluster('v1') });
    expect(step(answer, 'route "everybody-else"')?.instead).toMatchObject([
      { why: 'takes header end-user "jason"; it is "mia"', because: { line: 8 } },
    ]);
  });

  it.each([
    ['canary', [0.95, 0.05], ['v1', 'v3']],
    ['fifty-fifty', [0.5, 0.5], ['v1', 'v3']],
    ['strict-mtls', [0.34, 0.33, 0.33], ['v1', 'v2', 'v3']],
  ])('has its shares in variant %s', async (name, shares, versions) => {
    const { destinations } = explained(await variant(name), REVIEWS);
    expect(destinations.map(({ share }) => share)).toEqual(shares);
    expect(destinations.map(({ workloads }) => workloads)).toEqual(
      versions.map((v) => [`default/reviews-${v}`]),
    );
  });

  it('says what the time limit is', async () => {
    expect(explained(await variant('timeout'), REVIEWS)).toMatchObject({ timeoutMs: 500 });
  });

  it('tells the likeliest way where faults are made, and the share of what gets through', async () => {
    const answer = explained(await variant('fault'), 'default/reviews-v2 GET http://ratings:9080/ratings/0');
    expect(answer.outcome).toBe('forward');
    expect(answer.destinations).toMatchObject([{ share: 0.9, workloads: ['default/ratings-v1'] }]);
  });

  it('comes in by the gateway', async () => {
    const mesh = await meshOfFiles(BOOKINFO);
    expect(explained(mesh, 'outside GET http://localhost:8080/productpage')).toMatchObject({
      outcome: 'forward',
      listener: '0.0.0.0_8080',
      route: 'pages',
      tls: 'mutual',
    });
    expect(
      explained(mesh, 'gateway:istio-system/istio-ingressgateway GET http://a:8080/nowhere'),
    ).toMatchObject({
      outcome: 'reply',
      status: 404,
      destinations: [],
    });
  });

  it('refuses plain text, and says who wants that', async () => {
    const answer = explained(await meshOfFiles(BOOKINFO), 'outside GET http://reviews.default:9080/');
    expect(answer).toMatchObject({ outcome: 'refuse', status: 0, tls: 'none' });
    expect(answer.steps.at(-1)?.because.kind).toBe('PeerAuthentication');
    expect(
      explained(await variant('permissive-mtls'), 'outside GET http://reviews.default:9080/'),
    ).toMatchObject({
      outcome: 'forward',
      status: 200,
    });
  });
});

describe('names', () => {
  const service = (name: string, spec: string) =>
    `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: ${spec}`;
  const web = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: web }] } } }`;

  it('that nobody knows are taken for hosts outside', () => {
    const answer = explained(meshToExplain(web), 'default/web GET http://example.org/');
    expect(answer).toMatchObject({ outcome: 'passthrough', cluster: 'PassthroughCluster' });
    expect(answer.destinations).toEqual([
      { cluster: 'PassthroughCluster', share: 1, workloads: ['example.org:80'] },
    ]);
  });

  it('of an alias lead to what it stands for', () => {
    const mesh = meshToExplain(
      web,
      service('real', '{ selector: { app: web }, ports: [{ name: http, port: 80 }] }'),
      service('alias', '{ type: ExternalName, externalName: real.default.svc.cluster.local }'),
    );
    expect(explained(mesh, 'default/web GET http://alias/').cluster).toBe(
      'outbound|80||real.default.svc.cluster.local',
    );
  });

  it('of callers must be known', () => {
    expect(() => explained(meshToExplain(web), 'default/wep GET http://a/')).toThrow(
      'there is no workload default/wep; there are default/web',
    );
  });
});
