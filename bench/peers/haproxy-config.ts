import { type CertificateFiles, HOST, type Hop, MAX_CONNECTIONS, type Tls } from './hop.ts';

/** The configuration of HAProxy for a hop: one thread, connections to the upstream kept and shared. */
export function haproxyConfig(hop: Hop, files: CertificateFiles): string {
  const isTcp = hop.protocol === 'tcp';
  const http2 = hop.protocol === 'http2' || hop.protocol === 'grpc' ? ' proto h2' : '';
  const bind = `bind 127.0.0.1:${hop.listenPort}${serverTls(hop.downstreamTls, files)}${http2}`;
  const server = `server s 127.0.0.1:${hop.upstreamPort}${clientTls(hop.upstreamTls, files)}${http2}`;
  return `global
  nbthread 1
  maxconn ${MAX_CONNECTIONS}
  no strict-limits
defaults
  mode ${isTcp ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 600s
  timeout server 600s
${isTcp ? '' : '  timeout http-keep-alive 600s\n  http-reuse always\n'}frontend clients
  ${bind}
  default_backend upstream
backend upstream
  ${server}
`;
}

function serverTls(tls: Tls, files: CertificateFiles): string {
  if (tls === 'none') return '';
  const verify = tls === 'mutual' ? ` ca-file ${files.root} verify required` : '';
  return ` ssl crt ${files.both} ssl-min-ver TLSv1.3${verify}`;
}

function clientTls(tls: Tls, files: CertificateFiles): string {
  if (tls === 'none') return '';
  const own = tls === 'mutual' ? ` crt ${files.both}` : '';
  return ` ssl ca-file ${files.root} verify required verifyhost ${HOST} sni str(${HOST}) ssl-min-ver TLSv1.3${own}`;
}
