/** Headers whose values are secrets, or hold some: they are told nobody, whatever a rule asks of them. */
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
  'x-amz-security-token',
  'x-forwarded-client-cert',
]);

const SECRET_WORDS = /token|secret|password|passwd|credential|api-?key|session|signature/;

/** Whether a header's value must not be told; the name is lower case. */
export function isSecretHeader(name: string): boolean {
  return SECRET.has(name) || SECRET_WORDS.test(name);
}
