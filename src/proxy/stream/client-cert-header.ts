import { getHeader, type Headers, removeHeader, setHeader } from '../../wire/headers.ts';
import type { DownstreamTls } from '../runtime.ts';
import type { ForwardClientCert } from './manager.ts';

const XFCC = 'x-forwarded-client-cert';

/** X-Forwarded-Client-Cert as configured: what callers may say about certificates, and what this proxy saw itself. */
export function forwardClientCert(
  headers: Headers,
  settings: ForwardClientCert,
  tls: DownstreamTls | undefined,
): void {
  if (settings.mode === 'always-forward-only') return;
  const peer = tls?.peer;
  if (settings.mode === 'sanitize' || peer === undefined) {
    removeHeader(headers, XFCC);
    return;
  }
  if (settings.mode === 'forward-only') return;
  const parts: string[] = [];
  if (tls?.localUri) parts.push(`By=${tls.localUri}`);
  parts.push(`Hash=${peer.hash}`);
  if (settings.cert) parts.push(`Cert="${encodeURIComponent(peer.pem)}"`);
  if (settings.subject) parts.push(`Subject="${peer.subject.replaceAll('"', '\\"')}"`);
  if (settings.uri) parts.push(`URI=${peer.uri}`);
  if (settings.dns) for (const name of peer.dnsNames ?? []) parts.push(`DNS=${name}`);
  const own = parts.join(';');
  const before = settings.mode === 'append-forward' ? getHeader(headers, XFCC) : undefined;
  setHeader(headers, XFCC, before === undefined || before === '' ? own : `${before},${own}`);
}
