/** Suites of TLS 1.2 and older that Envoy's TLS library knows, by OpenSSL's names. TLS 1.3 has its own, not configurable. */
const SUITES: ReadonlySet<string> = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
]);

/** True for a known suite, `ALL`, and expressions with operators (`-AES128-SHA`, `[a|b]`), which are not judged. */
export function isKnownCipherSuite(name: string): boolean {
  return name === '' || name === 'ALL' || !/^[\p{L}\p{N}]/u.test(name) || SUITES.has(name);
}
