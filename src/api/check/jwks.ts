import type { Report } from '../report.ts';

/** The word in place of keys by which `weft test` is told to trust the key it makes for the run. */
export const TEST_JWKS = 'test';

/** Parameters that a key of each type must have (RFC 7518, 6; RFC 8037, 2). */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  oct: ['k'],
};

/** A JSON Web Key Set, or one key (RFC 7517). Private keys are warned of: only public ones are used. */
export function checkJwks(jwks: string, report: Report, field: string): void {
  if (jwks === TEST_JWKS) {
    report.warn(field, '"test" is trusted by "weft test" only; nobody can log in with it otherwise');
    return;
  }
  const keys = parseKeys(jwks);
  if (keys === undefined) report.error(field, 'this is not a JSON Web Key Set: {"keys": [...]}');
  for (const [i, key] of (keys ?? []).entries()) {
    const problem = keyProblem(key);
    if (problem !== undefined) report.error(field, `key ${i} ${problem}`);
    else if (key['d'] !== undefined || key['kty'] === 'oct')
      report.warn(field, `key ${i} holds private key material; publish the public part only`);
  }
}

function parseKeys(jwks: string): Record<string, unknown>[] | undefined {
  try {
    const parsed: unknown = JSON.parse(jwks);
    if (!isObject(parsed)) return undefined;
    const keys = parsed['keys'] ?? [parsed];
    return Array.isArray(keys) && keys.every(isObject) ? keys : undefined;
  } catch {
    return undefined;
  }
}

function keyProblem(key: Record<string, unknown>): string | undefined {
  const type = String(key['kty']);
  const required = Object.hasOwn(REQUIRED, type) ? REQUIRED[type] : undefined;
  if (required === undefined) return `has no known type; kty is one of ${Object.keys(REQUIRED).join(', ')}`;
  const missing = required.filter((name) => typeof key[name] !== 'string' || key[name] === '');
  if (missing.length > 0) return `of type ${type} lacks ${missing.join(' and ')}`;
  const garbled = required.find(
    (name) => name !== 'crv' && !/^[A-Za-z0-9_-]+={0,2}$/.test(String(key[name])),
  );
  return garbled === undefined ? undefined : `of type ${type} has a ${garbled} that is not base64url`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
