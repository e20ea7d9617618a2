import { describe, expect, it } from 'vitest';
import type { CallOptions, GrpcClient, GrpcStreamEvents } from '../../wire/grpc/client.ts';
import { localStatus } from '../../wire/grpc/status.ts';
import type { Credentials } from './credentials.ts';
import { type ProofOptions, proofOf } from './proof.ts';

const certificate: Credentials = {
  chainPem: 'chain',
  privateKeyPem: 'key',
  rootsPem: 'roots',
  receivedAtMs: 0,
  notAfterMs: 1,
};
const join = 'weft-join.0123456789abcdef.secret';

function setup(token: string | undefined, changes: Partial<ProofOptions> = {}) {
  const made: { closed: boolean; events?: GrpcStreamEvents }[] = [];
  const client = (): GrpcClient => {
    const one: (typeof made)[number] = { closed: false };
    made.push(one);
    return {
      unary: async () => ({ ok: false, error: localStatus(14, 'away') }),
      stream(_path, events) {
        one.events = events;
        return { send: () => true, end() {}, cancel() {}, pause() {}, resume() {} };
      },
      close: () => void (one.closed = true),
    };
  };
  const shared = client();
  const proof = proofOf({
    tokenFile: 'token',
    readFile() {
      if (token === undefined) throw new Error('ENOENT');
      return `${token}\n`;
    },
    shared: () => shared,
    proving: client,
    credentials: () => undefined,
    hasKept: false,
    metadata: ['x', 'y'],
    ...changes,
  });
  return { proof, shared, made: () => made.slice(1) };
}

const said = ({ metadata = [] }: CallOptions): string => metadata.join(' ');

describe('A proxy proves who it is', () => {
  it('by a token that is renewed on disk: with every call, over one connection', () => {
    const { proof, shared } = setup('ey.token');
    expect(proof.client).toBe(shared);
    expect(said(proof.forCertificates())).toBe('x y authorization Bearer ey.token');
    expect(said(proof.forStreams())).toBe('x y authorization Bearer ey.token');
  });

  it('by a one-time token: to the CA, while it has no good certificate; never to anybody else', () => {
    let held: Credentials | undefined;
    const { proof } = setup(join, { credentials: () => held });
    expect(said(proof.forCertificates())).toBe(`x y authorization Bearer ${join}`);
    expect(said(proof.forStreams())).toBe('x y');
    held = certificate;
    expect(said(proof.forCertificates())).toBe('x y');
    held = undefined; // it has expired: a new token is in the file, or nothing helps
    expect(said(proof.forCertificates())).toContain(join);
  });

  it('without the file, where an earlier run has got its certificate; otherwise it says what is missing', () => {
    const { proof } = setup(undefined, { hasKept: true, credentials: () => certificate });
    expect(proof.joins).toBe(true);
    expect(said(proof.forCertificates())).toBe('x y');
    expect(() => setup(undefined)).toThrow('ENOENT');
  });

  it('by a connection of its own for each call, closed at its end', async () => {
    const { proof, made } = setup(join, { credentials: () => certificate });
    await proof.client.unary('/a', new Uint8Array());
    expect(made().map(({ closed }) => closed)).toEqual([true]);
    let ended = false;
    proof.client.stream('/b', { onMessage() {}, onEnd: () => void (ended = true) });
    expect(made().map(({ closed }) => closed)).toEqual([true, false]);
    made()[1]?.events?.onEnd(localStatus(14, 'lost'));
    expect([made()[1]?.closed, ended]).toEqual([true, true]);
    proof.client.stream('/c', { onMessage() {}, onEnd() {} });
    proof.client.close();
    expect(made()[2]?.closed).toBe(true);
  });

  it('to nobody but the CA before its first certificate', async () => {
    const { proof, made } = setup(join);
    const status = await new Promise<string>((resolve) => {
      proof.client.stream('/b', { onMessage() {}, onEnd: ({ message }) => resolve(message) });
    });
    expect(status).toBe('the first certificate is not there yet');
    expect(made()).toEqual([]);
  });
});
