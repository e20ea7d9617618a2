// Identity on the wire, the side that proves and checks it. A workload makes its key and a certificate request
// (csr.ts), asks the CA over Istio's API (certificate-messages.ts), renews in time (renewal.ts), and judges whoever
// it meets (verify.ts over certificate-fields.ts). The proxy, the agent and the CA call this folder. It needs no
// more than node:crypto, because every proxy process loads it; it opens no socket, reads no file, and what it
// makes or sees of private keys is never logged. Issuing certificates is src/ca.
//
// This file: SPIFFE ids as text. Source: SPIFFE-ID specification, sections 2.1 to 2.4.

/** A parsed SPIFFE id: `spiffe://` + trustDomain + path. */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Empty for the id of a trust domain itself, else `/` before every segment. */
  readonly path: string;
}

/** A workload's identity, in Istio's form: `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`. */
export interface WorkloadIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** An id, or the rule it breaks as a sentence. */
export type SpiffeIdResult =
  | { readonly ok: true; readonly id: SpiffeId }
  | { readonly ok: false; readonly reason: string };

/** Longest id every implementation must accept, in bytes; we accept no longer one. */
export const MAX_SPIFFE_ID_BYTES = 2048;
/** Longest trust domain name, in bytes. */
export const MAX_TRUST_DOMAIN_BYTES = 255;

const SCHEME = 'spiffe://';
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;
const WORKLOAD_PATH = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** Reads an id strictly: no upper case in the trust domain, no percent-encoding, port, query, or `.`/`..` segment. */
export function parseSpiffeId(text: string): SpiffeIdResult {
  if (text.length > MAX_SPIFFE_ID_BYTES) return refused(`is longer than ${MAX_SPIFFE_ID_BYTES} bytes`);
  if (!text.startsWith(SCHEME)) return refused(`does not start with ${SCHEME}`);
  const rest = text.slice(SCHEME.length);
  const slash = rest.indexOf('/');
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash);
  if (!isTrustDomain(trustDomain)) return refused('has no valid trust domain (a-z, 0-9, ".", "-", "_")');
  if (path !== '' && !isPath(path))
    return refused('has a path with an empty, relative or non-SPIFFE segment');
  return { ok: true, id: { trustDomain, path } };
}

/** Whether the text is the name of a trust domain (without `spiffe://`). */
export function isTrustDomain(text: string): boolean {
  return text.length <= MAX_TRUST_DOMAIN_BYTES && TRUST_DOMAIN.test(text);
}

/** The text of an id; the inverse of {@link parseSpiffeId}. */
export function formatSpiffeId(id: SpiffeId): string {
  return `${SCHEME}${id.trustDomain}${id.path}`;
}

/** Namespace and service account of an id in Istio's form; undefined when it has another form. */
export function workloadIdentityOf(id: SpiffeId): WorkloadIdentity | undefined {
  const [, namespace, serviceAccount] = WORKLOAD_PATH.exec(id.path) ?? [];
  if (namespace === undefined || serviceAccount === undefined) return undefined;
  return { trustDomain: id.trustDomain, namespace, serviceAccount };
}

/** `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`. Throws on names that no SPIFFE id can carry. */
export function workloadSpiffeId(identity: WorkloadIdentity): string {
  const { trustDomain, namespace, serviceAccount } = identity;
  const text = `${SCHEME}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  const parsed = parseSpiffeId(text);
  const back = parsed.ok ? workloadIdentityOf(parsed.id) : undefined;
  if (back?.namespace !== namespace || back.serviceAccount !== serviceAccount) {
    throw new RangeError(`${JSON.stringify(text)} is no SPIFFE id of a workload`);
  }
  return text;
}

function isPath(path: string): boolean {
  return path
    .slice(1)
    .split('/')
    .every((segment) => SEGMENT.test(segment) && segment !== '.' && segment !== '..');
}

function refused(reason: string): SpiffeIdResult {
  return { ok: false, reason: `the SPIFFE id ${reason}` };
}
