import { existsSync } from 'node:fs';
import { type CertificateFiles, HOST, type Hop, MAX_CONNECTIONS } from './hop.ts';

/** Where distributions put it that do not build it in. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** The configuration of nginx for a hop: one process, connections to the upstream kept. */
export function nginxConfig(hop: Hop, files: CertificateFiles, folder: string): string {
  const isTcp = hop.protocol === 'tcp';
  return `${isTcp && existsSync(STREAM_MODULE) ? `load_module ${STREAM_MODULE};\n` : ''}daemon off;
master_process off;
worker_processes 1;
error_log stderr error;
pid ${folder}/nginx.pid;
events { worker_connections ${MAX_CONNECTIONS}; }
${isTcp ? stream(hop, files) : http(hop, files, folder)}`;
}

function stream(hop: Hop, files: CertificateFiles): string {
  return `stream {
  server {
    listen 127.0.0.1:${hop.listenPort}${hop.downstreamTls === 'none' ? '' : ' ssl'};
    ${serverTls(hop, files)}
    proxy_pass 127.0.0.1:${hop.upstreamPort};
    proxy_half_close on;
  }
}
`;
}

function http(hop: Hop, files: CertificateFiles, folder: string): string {
  const isGrpc = hop.protocol === 'grpc';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  upstream upstream {
    server 127.0.0.1:${hop.upstreamPort};
    keepalive 128;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }
  server {
    listen 127.0.0.1:${hop.listenPort}${hop.downstreamTls === 'none' ? '' : ' ssl'}${isGrpc ? ' http2' : ''};
    ${serverTls(hop, files)}
    location / {
      ${isGrpc ? 'grpc_pass grpc://upstream;' : httpPass(hop, files)}
    }
  }
}
`;
}

function httpPass(hop: Hop, files: CertificateFiles): string {
  const scheme = hop.upstreamTls === 'none' ? 'http' : 'https';
  const own = `proxy_ssl_certificate ${files.chain}; proxy_ssl_certificate_key ${files.key};`;
  const tls = `proxy_ssl_protocols TLSv1.3; proxy_ssl_trusted_certificate ${files.root}; proxy_ssl_verify on;
      proxy_ssl_name ${HOST}; proxy_ssl_server_name on; ${hop.upstreamTls === 'mutual' ? own : ''}`;
  return `proxy_pass ${scheme}://upstream;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_request_buffering off;
      proxy_buffers 16 8k;
      ${hop.upstreamTls === 'none' ? '' : tls}`;
}

function serverTls(hop: Hop, files: CertificateFiles): string {
  if (hop.downstreamTls === 'none') return '';
  const verify = `ssl_verify_client on; ssl_client_certificate ${files.root};`;
  return `ssl_certificate ${files.chain}; ssl_certificate_key ${files.key}; ssl_protocols TLSv1.3; ${
    hop.downstreamTls === 'mutual' ? verify : ''
  }`;
}
