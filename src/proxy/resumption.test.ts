import { connect } from 'node:net';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeTestCa, makeTestLeaf, type TestCa, type TestLeaf } from '../testing/certificates.ts';
import type { CertificateValidationContext, DownstreamTlsContext } from '../xds/tls-types.ts';
import { call, closePlanes, greeter, pem, proxyTo, shows } from './test-tls-proxy.ts';

let ca: TestCa;
let stranger: TestCa;
let server: TestLeaf;
let client: TestLeaf;
beforeAll(async () => {
  ca = await makeTestCa();
  stranger = await makeTestCa();
  server = await makeTestLeaf(ca, 'default', 'reviews');
  client = await makeTestLeaf(ca, 'default', 'productpage');
});

afterEach(async () => {
  vi.useRealTimers();
  await closePlanes();
});

/** The server end of mutual TLS. */
const strict = (
  more: Partial<DownstreamTlsContext> = {},
  rules: CertificateValidationContext = {},
): DownstreamTlsContext => ({
  require_client_certificate: true,
  common_tls_context: {
    tls_certificates: shows(server),
    validation_context: { trusted_ca: pem(ca.rootsPem), ...rules },
  },
  ...more,
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a client that comes back over %s', (version) => {
  it('goes on with its session, at another worker or the next proxy too, and is known as who it was', async () => {
    const to = await greeter();
    const { port, stat } = await proxyTo(to, { down: strict() });
    const first = await call(port, version, client);
    expect(first).toMatchObject({ heard: 'hello', resumed: false });
    expect(await call(port, version, client, first.ticket)).toMatchObject({ heard: 'hello', resumed: true });
    expect([await stat('listener.ssl.handshake'), await stat('listener.ssl.session_reused')]).toEqual([2, 1]);
    const next = await proxyTo(to, { down: strict() });
    expect(await call(next.port, version, client, first.ticket)).toMatchObject({
      heard: 'hello',
      resumed: true,
    });
    const stranger = await proxyTo(to, { down: strict(), ticketSeed: 'another' });
    expect(await call(stranger.port, version, client, first.ticket)).toMatchObject({
      heard: 'hello',
      resumed: false,
    });
  });

  it('is looked at anew when roots, names or certificates have changed', async () => {
    const to = await greeter();
    const { port } = await proxyTo(to, { down: strict() });
    const { ticket } = await call(port, version, client);
    const roots = await proxyTo(to, { down: strict({}, { trusted_ca: pem(stranger.rootsPem) }) });
    expect(await call(roots.port, version, client, ticket)).toMatchObject({ heard: '', resumed: false });
    const matcher = { exact: 'spiffe://cluster.local/ns/default/sa/ratings' };
    const names = { match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] } as const;
    const others = await proxyTo(to, { down: strict({}, names) });
    expect(await call(others.port, version, client, ticket)).toMatchObject({ heard: '', resumed: false });
  });

  it('is refused again where it was refused, whatever ticket it got', async () => {
    const { port } = await proxyTo(await greeter(), { down: strict() });
    const leaf = await makeTestLeaf(stranger, 'default', 'productpage');
    const first = await call(port, version, leaf);
    expect(first.heard).toBe('');
    if (first.ticket !== undefined)
      expect(await call(port, version, leaf, first.ticket)).toMatchObject({ heard: '' });
  });

  it('shakes hands in full where the configuration says so, and where its certificate has expired', async () => {
    const to = await greeter();
    const { port } = await proxyTo(to, { down: strict({ disable_stateless_session_resumption: true }) });
    const { ticket } = await call(port, version, client);
    expect(await call(port, version, client, ticket)).toMatchObject({ heard: 'hello', resumed: false });
    const brief = await makeTestLeaf(ca, 'default', 'productpage', { uris: [] });
    // A key of its own: the proxy's changes at midnight, which may lie within the two hours.
    const keys = { keys: [{ inline_bytes: Buffer.alloc(80, 9).toString('base64') }] };
    const { port: other } = await proxyTo(to, { down: strict({ session_ticket_keys: keys }) });
    const first = await call(other, version, brief);
    expect(await call(other, version, brief, first.ticket)).toMatchObject({ heard: 'hello', resumed: true });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 3_600_000 });
    expect(await call(other, version, brief, first.ticket)).toMatchObject({ heard: '' });
  });

  it('has one key with everybody who is given the same', async () => {
    const to = await greeter();
    const keys = { keys: [{ inline_bytes: Buffer.alloc(80, 7).toString('base64') }] };
    const [one, two] = await Promise.all(
      ['a', 'b'].map((ticketSeed) =>
        proxyTo(to, { down: strict({ session_ticket_keys: keys }), ticketSeed }),
      ),
    );
    const { ticket } = await call(one!.port, version, client);
    expect(await call(two!.port, version, client, ticket)).toMatchObject({ heard: 'hello', resumed: true });
  });
});

describe('sessions with an endpoint', () => {
  const up = (rules: CertificateValidationContext = {}, more: object = {}) => ({
    sni: 'reviews',
    common_tls_context: {
      tls_certificates: shows(client),
      validation_context: { trusted_ca: pem(ca.rootsPem), ...rules },
    },
    ...more,
  });
  const plain = (port: number): Promise<string> =>
    new Promise((resolve) => {
      let heard = '';
      const socket = connect(port, '127.0.0.1');
      socket.on('data', (data) => (heard += String(data))).on('error', () => {});
      socket.on('end', () => socket.end()).on('close', () => resolve(heard));
    });

  it.each(['TLSv1_2', 'TLSv1_3'] as const)('go on over %s, and the server is who it was', async (only) => {
    const params = { tls_minimum_protocol_version: only, tls_maximum_protocol_version: only };
    const far = await proxyTo(await greeter(), { down: strict() });
    const context = up();
    const near = await proxyTo(far.port, {
      up: { ...context, common_tls_context: { ...context.common_tls_context, tls_params: params } },
    });
    for (let i = 0; i < 3; i++) expect(await plain(near.port)).toBe('hello');
    expect(await near.stat('cluster.next.ssl.handshake')).toBe(3);
    expect(await near.stat('cluster.next.ssl.session_reused')).toBe(2);
    expect(await far.stat('listener.ssl.session_reused')).toBe(2);
  });

  it('are not kept with max_session_keys 0, nor with a server that is refused', async () => {
    const far = await proxyTo(await greeter(), { down: strict() });
    const near = await proxyTo(far.port, { up: up({}, { max_session_keys: 0 }) });
    for (let i = 0; i < 2; i++) expect(await plain(near.port)).toBe('hello');
    const matcher = { exact: 'spiffe://cluster.local/ns/default/sa/ratings' };
    const wrong = await proxyTo(far.port, {
      up: up({ match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] }),
    });
    for (let i = 0; i < 2; i++) expect(await plain(wrong.port)).toBe('');
    expect(await far.stat('listener.ssl.session_reused')).toBe(0);
  });
});
