/** Where fuzzing begins: small inputs of our own, one of each kind, and whatever broke a decoder once. */

import { FRAME } from '../../src/wire/http2/protocol.ts';
import { block, frame, GET_BLOCK, uint32 } from '../../src/wire/http2/test-pair.ts';
import { encodeProxyV1, encodeProxyV2 } from '../../src/wire/proxy-protocol/encode.ts';
import { encode } from '../../src/xds/encode.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

export const HTTP1_REQUESTS: readonly Buffer[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /a?b=c HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw',
  'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx',
  'GET http://b/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  '\r\nGET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n',
].map(latin1);

export const HTTP1_RESPONSES: readonly Buffer[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'HTTP/1.1 204 \r\n\r\nHTTP/1.1 304 N\r\nContent-Length: 7\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw',
  'HTTP/1.0 200 OK\r\n\r\nuntil the end',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n',
].map(latin1);

const settings = frame(FRAME.SETTINGS, 0, 0, hex('0003 00000064'));
const headers = frame(FRAME.HEADERS, 0x5, 1, GET_BLOCK);
const post = frame(
  FRAME.HEADERS,
  0x4,
  3,
  block(':method', 'POST', ':scheme', 'http', ':path', '/p', ':authority', 'a', 'content-length', '5'),
);
const cutHead = frame(FRAME.HEADERS, 0x1, 5, GET_BLOCK.subarray(0, 9));

export const HTTP2_SERVER: readonly Buffer[] = [
  [settings, headers],
  [settings, post, frame(FRAME.DATA, 0, 3, latin1('he')), frame(FRAME.DATA, 0x9, 3, latin1('\x02llo\0\0'))],
  [
    settings,
    cutHead,
    frame(FRAME.CONTINUATION, 0x4, 5, GET_BLOCK.subarray(9)),
    frame(FRAME.RST_STREAM, 0, 5, uint32(8)),
  ],
  [
    settings,
    post,
    frame(FRAME.DATA, 0, 3, latin1('hello')),
    frame(FRAME.HEADERS, 0x5, 3, block('x-sum', '1')),
  ],
  [
    settings,
    frame(FRAME.PING, 0, 0, Buffer.alloc(8)),
    frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(70_000)),
    headers,
  ],
  [
    settings,
    frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(5)),
    frame(FRAME.HEADERS, 0x2d, 1, Buffer.concat([hex('01 00000000 10'), GET_BLOCK, Buffer.alloc(1)])),
  ],
  [settings, headers, frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)), frame(0x42, 0xff, 9, latin1('unknown'))],
  [
    frame(FRAME.SETTINGS, 0, 0, hex('0001 00000000 0004 00010000 0005 00008000')),
    frame(FRAME.SETTINGS, 1, 0),
    headers,
  ],
].map((frames) => Buffer.concat(frames));

const answer = frame(FRAME.HEADERS, 0x4, 1, block(':status', '200', 'x', 'y'));
export const HTTP2_CLIENT: readonly Buffer[] = [
  [settings, frame(FRAME.SETTINGS, 1, 0), answer, frame(FRAME.DATA, 1, 1, latin1('body'))],
  [
    settings,
    frame(FRAME.HEADERS, 0x4, 1, block(':status', '103')),
    answer,
    frame(FRAME.HEADERS, 0x5, 1, block('grpc-status', '0')),
  ],
  [
    settings,
    frame(FRAME.RST_STREAM, 0, 3, uint32(7)),
    frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(1), uint32(0), latin1('bye')])),
  ],
  [settings, frame(FRAME.WINDOW_UPDATE, 0, 3, uint32(5)), frame(FRAME.PING, 0, 0, Buffer.alloc(8)), answer],
].map((frames) => Buffer.concat(frames));

export const HPACK_BLOCKS: readonly Buffer[] = [
  GET_BLOCK,
  hex('82 86 84 41 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff'),
  hex('3f e1 1f 40 03 61 62 63 03 64 65 66 be'),
  hex('20 82 86 10 04 61 62 63 64 82 ff ff 00 01 61 ff ff 0f'),
];

export const GRPC_BODIES: readonly Buffer[] = [
  hex('00 00000003 616263'),
  hex('00 00000000 00 00000001 61 00 000003e8'),
  hex('01 00000001 61'),
];

export const CLIENT_HELLOS: readonly Buffer[] = [
  hex(`16 0301 004a 01 000046 0303 ${'11'.repeat(32)} 00 0002 1301 01 00 001b
    0000 0008 0006 00 0003 612e62 0010 000b 0009 02 6832 06 687474702f31 002b 0003 02 0304`),
  hex(`16 0301 0005 01 000025 03 16 0301 0024 03 ${'22'.repeat(32)} 00 0002`),
  latin1('GET / HTTP/1.1\r\n'),
  latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  latin1('SSH-2.0-x\r\n'),
];

export const DNS_MESSAGES: readonly Buffer[] = [
  // A pointer into the header: the reply's question was another one than was asked.
  hex('1234 0100 0001 0000 0000 0000 0161 c001 0001 0001'),
  hex('1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001'),
  hex('1234 0100 0001 0000 0000 0001 0161 00 001c 0001 00 0029 1000 00000000 0000'),
  hex(
    '1234 8180 0001 0002 0000 0000 0161 0162 00 0001 0001 c00c 0001 0001 0000003c 0004 0a000001 c00c 0005 0001 0000003c 0004 0163 c00e',
  ),
  hex(
    '1234 8183 0001 0000 0001 0000 0161 00 0001 0001 00 0006 0001 0000003c 0018 0161 00 0162 00 00000001 00000002 00000003 00000004 00000005',
  ),
];

const address = { socket_address: { address: '127.0.0.1', port_value: 80 } };
export const XDS_MESSAGES: readonly Buffer[] = [
  encode('envoy.config.listener.v3.Listener', {
    name: 'l',
    address,
    filter_chains: [{ filters: [{ name: 'f' }] }],
  }),
  encode('envoy.config.cluster.v3.Cluster', {
    name: 'c',
    connect_timeout: '1.5s',
    type: 'EDS',
    lb_policy: 'RANDOM',
  }),
  encode('envoy.config.route.v3.RouteConfiguration', {
    name: 'r',
    virtual_hosts: [
      { name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c' } }] },
    ],
  }),
].map((bytes) => Buffer.from(bytes));

export const TEMPLATES: readonly Buffer[] = [
  '/a/b',
  '/a/*/c',
  '/{id}/x/{rest=**}',
  '/**.m3u8',
  '/{a=b/*}/{c}',
  '/a.b/%41$&()+,;:@=-~',
].map(latin1);

const PROXIED = [
  ['192.0.2.1', '198.51.100.2'],
  ['2001:db8::1', '::ffff:192.0.2.1'],
].map(([from = '', to = '']) => ({
  source: { address: from, port: 50_000 },
  destination: { address: to, port: 443 },
}));
export const PROXY_HEADERS: readonly Buffer[] = [
  ...PROXIED.flatMap((one) => [encodeProxyV1(one), encodeProxyV2(one)]),
  encodeProxyV2(undefined),
  latin1('PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n\r\n'),
  // With fields: an authority, and a checksum that is not one.
  hex('0d0a0d0a000d0a515549540a 21 11 0017 c0000201 c6336402 c350 01bb 020001 61 03 0004 00000000'),
];

export const PATHS: readonly Buffer[] = [
  ...[
    '/',
    '/a/b?c=/../d',
    '/a/./b/../c/..',
    '/%41%2e%2e/%2F',
    '//a///b',
    '/a\\b',
    '/a/..;x/b',
    '/%2e%2e;p/c',
    '*',
    '',
  ],
].map(latin1);

export const BOOTSTRAPS: readonly Buffer[] = [
  '{"node":{"id":"a"},"admin":{"address":{"socket_address":{"address":"127.0.0.1","port_value":0}}}}',
  '{"dynamic_resources":{"ads_config":{"api_type":"GRPC","grpc_services":[{"envoy_grpc":{"cluster_name":"x"}}]},"cds_config":{"ads":{}}},"static_resources":{"clusters":[{"name":"x","connect_timeout":"1s","load_assignment":{"cluster_name":"x","endpoints":[]}}]}}',
  'node: { id: a }\nstatic_resources:\n  listeners:\n  - name: l\n    address: { socket_address: { address: 0.0.0.0, port_value: 80 } }\n    filter_chains: [ { filters: [] } ]\n',
  'a: &a [1, 2]\nb: *a\n',
].map(latin1);
