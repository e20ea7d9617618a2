// What generated answers are made of, and the bodies in chunks of both directions.

export const CHUNKED = [
  ...[
    '5\r\nhello\r\n0\r\n\r\n',
    '5;a=b\r\nhello\r\n0;x\r\n\r\n',
    '1\r\nh\r\n04\r\nello\r\n00\r\n\r\n',
    '0\r\n\r\n',
    'A\r\n0123456789\r\n0\r\n\r\n',
  ],
  ...[
    '5\r\nhello\r\n0\r\nX-Trailer: 1\r\nx-more: 2\r\n\r\n',
    '5;q="a;b"\r\nhello\r\n0\r\n\r\n',
    '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
  ],
];

export const BAD_CHUNKED = [
  ...[
    '5\r\nhello0\r\n\r\n',
    '5\nhello\n0\n\n',
    'g\r\nhello\r\n0\r\n\r\n',
    '-1\r\n\r\n',
    '0x5\r\nhello\r\n0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '5 \r\nhello\r\n0\r\n\r\n',
    '5 ;a\r\nhello\r\n0\r\n\r\n',
    'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n',
    '\r\n0\r\n\r\n',
  ],
  ...[
    '5;\0\r\nhello\r\n0\r\n\r\n',
    '5;a\rb\r\nhello\r\n0\r\n\r\n',
    '5;a\nb\r\nhello\r\n0\r\n\r\n',
    '+5\r\nhello\r\n0\r\n\r\n',
    '5_0\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '5\r\nhello\r\n0\r\nContent-Length: 4\r\n\r\n',
    '5\r\nhello\r\n0\r\nbad trailer\r\n\r\n',
    '5\r\nhello\r\n0\r\nHost: z\r\n\r\n',
    '5\r\nhelloX\r\n0\r\n\r\n',
  ],
  `5;${'e'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`,
];

export const ANSWER_FIELDS = [
  ...[
    'X-Up: 1\r\n',
    'x-up: 2\r\n',
    'Set-Cookie: a=1\r\n',
    'Set-Cookie: b=2\r\n',
    'Server: up\r\n',
    'Date: then\r\n',
    'X-Empty:\r\n',
  ],
  ...[
    'Connection: keep-alive\r\n',
    'Keep-Alive: timeout=4\r\n',
    'Content-Type: text/html\r\n',
    'Via: up\r\n',
    'Vary: a\r\n',
    'Vary: b\r\n',
  ],
  ...[
    'x-envoy-upstream-service-time: 9\r\n',
    'Connection: x-up\r\n',
    'Upgrade: x\r\n',
    'Trailer: x\r\n',
    'X-Latin: \xe9\r\n',
    'Location: /x\r\n',
  ],
];

export const ODD_ANSWER_FIELDS = [
  ...[
    'X-Fold: a\r\n b\r\n',
    'X-Nul: a\0b\r\n',
    'X-Space : a\r\n',
    'no-colon\r\n',
    'X-Lf: a\n',
    'X-Cr: a\rb\r\n',
    ': a\r\n',
    'Connection: close\r\n',
  ],
  ...[
    'Content-Length: 3\r\n',
    'Content-Length: x\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip\r\n',
    'X-Ctl: \x01\r\n',
  ],
  ...[
    'Proxy-Connection: close\r\n',
    `X-Long: ${'v'.repeat(20_000)}\r\n`,
    `X-Longer: ${'v'.repeat(70_000)}\r\n`,
    'x: 1\r\n'.repeat(110),
  ],
];

export const STATUS_LINES = [
  ...[
    '200 OK',
    '200 OK',
    '200 OK',
    '200 Fine',
    '201 Created',
    '204 No Content',
    '304 Not Modified',
    '404 Not Found',
    '500 Oops',
    '503 Busy',
  ],
  ...['302 Found', '299 ', '599 Odd', '206 Partial', '205 Reset'],
];

export const ODD_STATUS_LINES = [
  ...[
    'HTTP/1.0 200 OK\r\n',
    'HTTP/1.1 200\r\n',
    'HTTP/1.1 99 Low\r\n',
    'HTTP/1.1 600 High\r\n',
    'HTTP/1.1 1000 X\r\n',
    'HTTP/2.0 200 OK\r\n',
  ],
  ...[
    'ICY 200 OK\r\n',
    'HTTP/1.1 abc OK\r\n',
    'HTTP/1.1  200 OK\r\n',
    '\r\n',
    'garbage\r\n',
    'HTTP/1.1 200 OK\n',
    'HTTP/1.1 101 Switching\r\n',
  ],
  ...[
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n',
  ],
  ...[
    'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 O\0K\r\n',
    'HTTP/1.1 200 \xe9\r\n',
  ],
];
