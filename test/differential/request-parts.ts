// What generated requests are made of: sound parts, odd ones and hostile ones.

export const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
];

export const ODD_METHODS = ['get', 'BREW', 'M-SEARCH', 'CONNECT', 'G@T', 'GE T', '', 'PRI', 'X'.repeat(300)];

export const TARGETS = [
  ...['/', '/a', '/a/b?c=d&e', '/%41%2f', '/a//b', '/a/../b', '/?', '/a?b?c', '/~x', "/a'b(c)*;p=1", '/a:80'],
  ...['/a%zz', '/a|b', '/a{b}', '/a[b]', '/a^b`', '/"q"', '/a\\b'],
];

export const ODD_TARGETS = [
  ...[
    'http://a/x',
    'http://a:81?q',
    'https://a/',
    'HTTP://a/x',
    'http://u@a/x',
    'http:///x',
    'ftp://a/x',
    'http://a',
  ],
  ...[
    '*',
    'a',
    'a:80',
    '/a#b',
    '/a b',
    '/\xe9',
    '/a\x7f',
    '/a\tb',
    '',
    '//a/b',
    '?q',
    `/${'l'.repeat(9000)}`,
  ],
];

export const ODD_VERSIONS = [
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/1',
  '',
  'HTTP/1.1 ',
];

export const FIELDS = [
  ...[
    'Accept: */*\r\n',
    'accept: text/html\r\n',
    'X-Case: A\r\n',
    'x-case: b\r\n',
    'X-CASE: c\r\n',
    'x-empty:\r\n',
  ],
  ...[
    'Cookie: a=1\r\n',
    'Cookie: b=2; c=3\r\n',
    'User-Agent: t/1\r\n',
    'x_under: 1\r\n',
    'X-Space:  a  b \t\r\n',
  ],
  ...['TE: trailers\r\n', 'TE: trailers, deflate\r\n', 'Connection: keep-alive\r\n', 'Connection: close\r\n'],
  ...[
    'Connection: x-case\r\n',
    'Connection: Keep-Alive, X-Case\r\n',
    'Keep-Alive: timeout=5\r\n',
    'Referer: http://r/\r\n',
  ],
  ...[
    'Proxy-Connection: keep-alive\r\n',
    'X-Forwarded-For: 1.2.3.4\r\n',
    'X-Forwarded-Proto: https\r\n',
    'Via: 1.1 x\r\n',
  ],
  ...[
    'X-Request-Id: mine\r\n',
    'x-envoy-internal: true\r\n',
    'x-envoy-max-retries: 1\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'Authorization: Basic eDp5\r\n',
    'X-Latin: \xe9\r\n',
    'Content-Type: application/grpc-x\r\n',
    '1-2: 3\r\n',
    "!#$%&'*+-.^_`|~: y\r\n",
  ],
  ...[
    'Accept-Encoding: gzip\r\n',
    'Accept-Encoding: br\r\n',
    'If-None-Match: "x"\r\n',
    'Range: bytes=0-1\r\n',
    'grpc-timeout: 1S\r\n',
  ],
];

export const HOSTILE_FIELDS = [
  ...[
    'X-Fold: a\r\n b\r\n',
    ' X-Lead: a\r\n',
    'X-Space : a\r\n',
    ': none\r\n',
    'no-colon\r\n',
    'X-Nul: a\0b\r\n',
    'X-Cr: a\rb\r\n',
  ],
  ...[
    'X-Lf: a\n',
    'X-Ctl: a\x01b\r\n',
    'X-Del: a\x7f\r\n',
    'X\0Y: a\r\n',
    'X(Y): a\r\n',
    '\xe9: a\r\n',
    'X Y: a\r\n',
    '"q": a\r\n',
  ],
  ...[
    'Host: b\r\n',
    'Host:\r\n',
    'Host: a b\r\n',
    'Host: a/b\r\n',
    'Host: u@a\r\n',
    'Host: a,b\r\n',
    'Host: a:x\r\n',
    'Host: [::1]:80\r\n',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 05\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: -1\r\n',
  ],
  ...[
    'Content-Length: 0x5\r\n',
    'Content-Length: 5 5\r\n',
    'Content-Length:\r\n',
    'Content-Length: 99999999999999999999\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: CHUNKED\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding: identity\r\n',
    'Transfer-Encoding: xchunked\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked, chunked\r\n',
    'Transfer-Encoding:\r\n',
    'Transfer-Encoding : chunked\r\n',
    'Transfer-Encoding: \x0bchunked\r\n',
  ],
  ...[
    'Connection: upgrade\r\n',
    'Connection: host\r\n',
    'Connection: content-length\r\n',
    'Connection: x-forwarded-for\r\n',
    'Connection: te\r\n',
  ],
  ...[
    'TE: gzip\r\n',
    'Expect: 200-ok\r\n',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n',
  ],
  ...[
    `X-Long: ${'v'.repeat(20_000)}\r\n`,
    `X-Longer: ${'v'.repeat(70_000)}\r\n`,
    `${'n'.repeat(3000)}: v\r\n`,
    'x: 1\r\n'.repeat(110),
  ],
];
