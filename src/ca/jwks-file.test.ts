import { generateKeyPairSync } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/openssl.ts';
import type { CaError } from './ca-error.ts';
import { MAX_JWKS_BYTES, parseJwks, watchJwksFile } from './jwks-file.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = p256.publicKey.export({ format: 'jwk' });

describe('a key set', () => {
  it('gives each key one algorithm: stated, or by its kind', async () => {
    const set = {
      keys: [
        { ...jwk, kid: 'ec' },
        { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' },
        { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa512', alg: 'RS512' },
        { ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid: 'ed' },
      ],
    };
    const keys = await parseJwks(JSON.stringify(set), 'test');
    expect([...keys].map(([kid, { algorithm }]) => [kid, algorithm])).toEqual([
      ['ec', 'ES256'],
      ['rsa', 'RS256'],
      ['rsa512', 'RS512'],
      ['ed', 'EdDSA'],
    ]);
  });

  it('passes over secrets, keys for encryption and algorithms that are not accepted', async () => {
    const set = {
      keys: [
        { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac', alg: 'HS256' },
        { ...jwk, kid: 'enc', use: 'enc' },
        { ...jwk, kid: 'wrong', alg: 'RS256' },
        { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'hs', alg: 'HS256' },
        {
          ...generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }),
          kid: 'k1',
        },
        { ...jwk, kid: 'good' },
      ],
    };
    expect([...(await parseJwks(JSON.stringify(set), 'test')).keys()]).toEqual(['good']);
  });

  it('takes nothing of a private key that someone put there', async () => {
    const keys = await parseJwks(
      JSON.stringify({ keys: [p256.privateKey.export({ format: 'jwk' })] }),
      'test',
    );
    expect(keys.get('')?.key.type).toBe('public');
  });

  it.each([
    ['no JSON', 'hello'],
    ['no key set', '{"keys":{}}'],
    ['no key', '{"keys":[]}'],
    ['two keys of one name', JSON.stringify({ keys: [jwk, jwk] })],
    ['a broken key', JSON.stringify({ keys: [{ ...jwk, x: 'AAAA' }] })],
    ['too many keys', JSON.stringify({ keys: new Array(101).fill(jwk) })],
  ])('is refused: %s', async (_, text) => {
    await expect(parseJwks(text, 'test')).rejects.toMatchObject({ code: 'jwks_unusable' });
  });
});

describe('a key set in a file', () => {
  it('is read again when it is replaced or written', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'jwks.json');
    const source = watchJwksFile(path, () => {});
    const write = (...kids: string[]) =>
      writeFileSync(path, JSON.stringify({ keys: kids.map((kid) => ({ ...jwk, kid })) }));
    const kids = async () => [...(await source.keys()).keys()];
    write('a');
    expect(await kids()).toEqual(['a']);
    expect(await source.keys()).toBe(await source.keys());
    write('a', 'b');
    expect(await kids()).toEqual(['a', 'b']);
    writeFileSync(`${path}.new`, JSON.stringify({ keys: [{ ...jwk, kid: 'c' }] }));
    renameSync(`${path}.new`, path);
    expect(await kids()).toEqual(['c']);
  });

  it('keeps the last good version while the file is broken or gone, and says so once each', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'jwks.json');
    const errors: CaError[] = [];
    const source = watchJwksFile(path, (error) => errors.push(error));
    await expect(source.keys()).rejects.toMatchObject({ code: 'jwks_unusable' });
    writeFileSync(path, JSON.stringify({ keys: [jwk] }));
    const good = await source.keys();
    writeFileSync(path, '{');
    expect(await source.keys()).toBe(good);
    expect(await source.keys()).toBe(good);
    writeFileSync(path, ' '.repeat(MAX_JWKS_BYTES + 1));
    expect(await source.keys()).toBe(good);
    rmSync(path);
    expect(await source.keys()).toBe(good);
    expect(errors.map((error) => error.code)).toEqual(['jwks_unusable', 'jwks_unusable', 'jwks_unusable']);
  });
});
