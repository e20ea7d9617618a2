import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  makeTestCa,
  makeTestLeaf,
  makeWrongLeaf,
  type TestCa,
  WRONG_KINDS,
} from '../testing/certificates.ts';
import { temporaryFolder } from '../testing/openssl.ts';
import { GRPC_CODE } from '../wire/grpc/status.ts';
import {
  decodeCertificateResponse,
  encodeCertificateRequest,
} from '../wire/identity/certificate-messages.ts';
import { makeKeyAndRequest } from '../wire/identity/csr.ts';
import { certificatesFromPem } from '../wire/identity/trust-bundle.ts';
import { auditLine, type IssuanceEvent } from './issuance-audit.ts';
import { parseJwks } from './jwks-file.ts';
import {
  type CertificateCall,
  type CertificateServiceOptions,
  type CreateCertificate,
  DEFAULT_LIMITS,
  MAX_REQUEST_BYTES,
  makeCertificateService,
} from './service.ts';
import { CA_AUDIENCE } from './service-account-token.ts';
import { DEFAULT_LIFETIME } from './sign.ts';
import { openTokenIssuer } from './token-issuer.ts';
import { makeAuthority } from './trust-bundle.ts';

const NOW = Date.UTC(2026, 5, 1);
const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const { csrPem } = makeKeyAndRequest(ID);

let ca: TestCa;
let token: string;
let audit: IssuanceEvent[];
let options: CertificateServiceOptions;
let serve: CreateCertificate;

beforeEach(async () => {
  using folder = temporaryFolder();
  const issuer = await openTokenIssuer(folder.path, () => NOW);
  const keys = await parseJwks(issuer.jwks, 'test');
  ca = await makeTestCa('cluster.local', { nowMs: NOW, intermediate: true });
  const order = { namespace: 'default', serviceAccount: 'reviews', pod: 'reviews-1', audience: CA_AUDIENCE };
  token = await issuer.issueToken({ ...order, ttlSeconds: 600 });
  audit = [];
  options = {
    authority: () => ca.authority,
    authentication: { audience: CA_AUDIENCE, tokenKeys: { keys: async () => keys } },
    lifetime: DEFAULT_LIFETIME,
    limits: DEFAULT_LIMITS,
    nowMs: () => NOW,
    audit: (event) => audit.push(event),
  };
  serve = makeCertificateService(options);
});

describe('CreateCertificate', () => {
  it('answers a token with a chain for its service account', async () => {
    const reply = await serve(call({ authorization: `Bearer ${token}` }));
    const chain = decodeCertificateResponse(reply.ok ? reply.response : new Uint8Array()).certChain;
    expect(chain).toHaveLength(3);
    expect(certificatesFromPem(chain[0] ?? '')[0]?.subjectAltName).toBe(`URI:${ID}`);
  });

  it('answers an earlier certificate of ours: renewal without a token', async () => {
    const leaf = await makeTestLeaf(ca, 'default', 'reviews');
    expect(await serve(call({ peerCertificate: leaf.certificate.raw }))).toMatchObject({ ok: true });
    const withOldToken = { peerCertificate: leaf.certificate.raw, authorization: 'Bearer outdated' };
    expect(await serve(call(withOldToken))).toMatchObject({ ok: true });
    expect(audit.map((event) => event.event === 'certificate_issued' && event.by)).toEqual([
      'certificate',
      'certificate',
    ]);
  });

  it('renews certificates of an alias under the present name of the trust domain', async () => {
    const leaf = await makeTestLeaf(ca, 'default', 'reviews', {
      uris: ['spiffe://old.example/ns/default/sa/reviews'],
    });
    const credentials = { peerCertificate: leaf.certificate.raw };
    expect(await serve(call(credentials))).toMatchObject({ ok: false, status: GRPC_CODE.UNAUTHENTICATED });
    const aliases = { trustDomain: 'cluster.local', trustDomainAliases: ['old.example'], signer: ca.issuer };
    const renamed = makeCertificateService({ ...options, authority: () => makeAuthority(aliases) });
    expect(await renamed(call(credentials))).toMatchObject({ ok: true });
    expect(audit.at(-1)).toMatchObject({ event: 'certificate_issued', spiffeId: ID });
  });

  it('still trusts certificates of a signer that was replaced, while its root is in the bundle', async () => {
    const next = await makeTestCa('cluster.local', { nowMs: NOW });
    const old = await makeTestCa('cluster.local', { nowMs: NOW });
    const leaf = await makeTestLeaf(old, 'default', 'reviews');
    const both = makeAuthority({
      trustDomain: 'cluster.local',
      signer: next.issuer,
      alsoTrusted: [old.issuer],
    });
    const during = makeCertificateService({ ...options, authority: () => both });
    expect(await during(call({ peerCertificate: leaf.certificate.raw }))).toMatchObject({ ok: true });
    const after = makeCertificateService({ ...options, authority: () => next.authority });
    expect(await after(call({ peerCertificate: leaf.certificate.raw }))).toMatchObject({ ok: false });
  });
});

describe('CreateCertificate refuses', () => {
  it('callers who prove nothing', async () => {
    for (const credentials of [
      {},
      { authorization: '' },
      { authorization: 'Basic YTpi' },
      { authorization: 'Bearer' },
    ]) {
      expect(await serve(call(credentials))).toMatchObject({
        ok: false,
        status: GRPC_CODE.UNAUTHENTICATED,
      });
    }
  });

  it.each(WRONG_KINDS)('a certificate that is wrong: %s', async (kind) => {
    const leaf = await makeWrongLeaf(ca, kind, 'default', 'reviews');
    const reply = await serve(call({ peerCertificate: leaf.certificate.raw }));
    expect(reply).toMatchObject({ ok: false, status: GRPC_CODE.UNAUTHENTICATED });
  });

  it('a SPIFFE id of another form than a workload, and bytes that are no certificate', async () => {
    const leaf = await makeTestLeaf(ca, 'a', 'b', { uris: ['spiffe://cluster.local/gateway'] });
    for (const peerCertificate of [leaf.certificate.raw, new Uint8Array(5)]) {
      expect(await serve(call({ peerCertificate }))).toMatchObject({ status: GRPC_CODE.UNAUTHENTICATED });
    }
  });

  it('a request for another identity than the one that was proved', async () => {
    const { csrPem } = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/ratings');
    const reply = await serve(call({ authorization: `Bearer ${token}` }, csrPem));
    expect(reply).toMatchObject({ ok: false, status: GRPC_CODE.PERMISSION_DENIED });
    expect(audit).toMatchObject([{ event: 'certificate_refused', spiffeId: ID, code: 'other_identity' }]);
  });

  it('requests that are too large or no message, before looking at credentials', async () => {
    const large = new BinaryWriter()
      .tag(9, WireType.LengthDelimited)
      .bytes(new Uint8Array(MAX_REQUEST_BYTES));
    for (const request of [large.finish(), new Uint8Array([255, 255])]) {
      const reply = await serve({ ...call({ authorization: `Bearer ${token}` }), request });
      expect(reply).toMatchObject({ ok: false, status: GRPC_CODE.INVALID_ARGUMENT });
    }
  });

  it('more calls from an address, and more certificates for a pod, than a minute allows', async () => {
    const limits = { callsPerAddress: 5, certificatesPerWorkload: 2 };
    const limited = makeCertificateService({ ...options, limits });
    const statuses: (number | string)[] = [];
    for (let i = 0; i < 7; i++) {
      const reply = await limited(call({ authorization: `Bearer ${token}` }));
      statuses.push(reply.ok ? 'ok' : reply.message);
    }
    const [pod, address] = ['too many certificates for this workload', 'too many calls from this address'];
    expect(statuses).toEqual(['ok', 'ok', pod, pod, pod, address, address]);
    const elsewhere = { ...call({}), peerAddress: '10.0.0.2' };
    expect(await limited(elsewhere)).toMatchObject({ status: GRPC_CODE.UNAUTHENTICATED });
  });

  it('everybody while the keys for tokens cannot be read, without saying why', async () => {
    const tokenKeys = { keys: () => Promise.reject(new Error('/secret/path is gone')) };
    const broken = makeCertificateService({
      ...options,
      authentication: { audience: CA_AUDIENCE, tokenKeys },
    });
    expect(await broken(call({ authorization: `Bearer ${token}` }))).toEqual({
      ok: false,
      status: GRPC_CODE.UNAVAILABLE,
      message: 'the CA cannot answer now',
    });
    expect(audit).toMatchObject([{ code: 'internal', reason: '/secret/path is gone' }]);
  });

  it('anything else without an exception', async () => {
    const unlimited = makeCertificateService({
      ...options,
      limits: { callsPerAddress: 1e9, certificatesPerWorkload: 1e9 },
    });
    const anything = fc.record({
      request: fc.uint8Array({ maxLength: 200 }),
      authorization: fc.option(fc.oneof(fc.string(), fc.constant(`Bearer ${token}`)), { nil: undefined }),
      peerCertificate: fc.option(fc.uint8Array({ maxLength: 50 }), { nil: undefined }),
      peerAddress: fc.string(),
    });
    await fc.assert(
      fc.asyncProperty(anything, async (it) => {
        expect((await unlimited(it)).ok).toBe(false);
      }),
    );
  });
});

describe('the audit', () => {
  it('has a line for each answer, without tokens, requests or keys', async () => {
    await serve(call({ authorization: `Bearer ${token}` }));
    await serve(call({ authorization: `Bearer ${token}x` }));
    const lines = audit.map((event) => auditLine(event, NOW));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: '2026-06-01T00:00:00.000Z',
        event: 'certificate_issued',
        client: '10.0.0.1',
        spiffeId: ID,
        by: 'token',
        pod: 'reviews-1',
        serial: expect.stringMatching(/^[0-9a-f]{32}$/),
        notAfter: '2026-06-02T00:00:00.000Z',
      },
      {
        time: '2026-06-01T00:00:00.000Z',
        event: 'certificate_refused',
        client: '10.0.0.1',
        code: 'bad_signature',
        reason: 'the signature of the token is wrong',
      },
    ]);
    for (const part of [...token.split('.'), csrPem.split('\n')[1] ?? '', 'BEGIN']) {
      expect(lines.join('\n')).not.toContain(part);
    }
  });

  it('keeps to one line whatever a name holds', () => {
    const event = {
      event: 'certificate_refused',
      client: 'a\n{"event":"forged"}',
      code: 'c',
      reason: 'r',
    } as const;
    expect(auditLine(event, NOW)).not.toContain('\n');
  });
});

function call(
  credentials: Pick<CertificateCall, 'authorization' | 'peerCertificate'>,
  csr = csrPem,
): CertificateCall {
  const request = encodeCertificateRequest({ csr, validityDurationS: 0 });
  return { request, peerAddress: '10.0.0.1', ...credentials };
}
