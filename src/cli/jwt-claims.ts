import { isPlainObject } from '../api/plain.ts';

/** Claims out of a token (which is not verified) or of JSON; undefined where the text is neither. */
export function readClaims(text: string): Readonly<Record<string, unknown>> | undefined {
  const payload = /^\s*[\w-]+\.([\w-]+)\.[\w-]*\s*$/.exec(text)?.[1];
  return parse(payload === undefined ? text : Buffer.from(payload, 'base64url').toString('utf8'));
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isPlainObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
