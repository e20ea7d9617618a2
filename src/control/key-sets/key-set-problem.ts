/** Why a text is no key set (RFC 7517 §5) with a key in it; undefined where it is one. */
export function keySetProblem(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'does not answer with JSON';
  }
  const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  if (!Array.isArray(keys)) return 'does not answer with a JSON Web Key Set: {"keys": [...]}';
  return keys.length === 0 ? 'answers with a key set without keys' : undefined;
}
