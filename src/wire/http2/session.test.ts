import { describe, expect, it } from 'vitest';
import { ERROR_CODE, FRAME } from './protocol.ts';
import { createPair, End, framesIn, run } from './test-pair.ts';

const text = (value: string): Buffer => Buffer.from(value);

describe('an exchange', () => {
  it('goes from request to response with bodies and trailers both ways', () => {
    const { client, server } = createPair();
    server.answer = (stream, head, _ended, exchange) => {
      exchange.after = (what) => {
        if (what !== 'trailers x-sum 3') return;
        stream.respond({ status: 200, headers: ['x-path', head.path] }, false);
        stream.sendData(text('answer'), false);
        stream.sendTrailers(['x-after', '1']);
      };
    };
    const exchange = client.request(
      { method: 'POST', path: '/p?q', headers: ['Content-Type', 'a/b'] },
      false,
    );
    exchange.stream?.sendData(text('que'), false);
    exchange.stream?.sendData(text('stion'), false);
    exchange.stream?.sendTrailers(['X-Sum', '3']);
    run(client, server);
    expect(server.requests[0]?.head).toEqual({
      method: 'POST',
      scheme: 'http',
      authority: 'a',
      path: '/p?q',
      protocol: '',
      headers: ['content-type', 'a/b'],
    });
    expect(server.requests[0]?.exchange.body.toString()).toBe('question');
    expect(exchange.log).toEqual(['head 200 x-path /p?q', 'trailers x-after 1', 'closed NO_ERROR by both']);
    expect(exchange.body.toString()).toBe('answer');
    expect([client.machine.activeStreams, server.machine.activeStreams]).toEqual([0, 0]);
  });

  it('passes 1xx heads before the final one', () => {
    const { client, server } = createPair();
    server.answer = (stream) => {
      stream.respond({ status: 100, headers: [] }, false);
      stream.respond({ status: 103, headers: ['link', '</a>'] }, false);
      stream.respond({ status: 204, headers: [] }, true);
    };
    const exchange = client.request();
    run(client, server);
    expect(exchange.log).toEqual([
      'head 100 ',
      'head 103 link </a>',
      'head 204  ended',
      'closed NO_ERROR by both',
    ]);
  });

  it('puts everything of one turn into one write', () => {
    const { client, server } = createPair();
    server.answer = (stream) => {
      stream.respond({ status: 200, headers: [] }, false);
      stream.sendData(text('x'), true);
    };
    for (let i = 0; i < 10; i++) client.request();
    client.machine.flush();
    expect(client.sink.bytes.length).toBe(1);
    server.machine.receive(client.sink.take());
    server.machine.flush();
    expect(server.sink.bytes.length).toBe(1);
  });

  it('puts cookie crumbs together, and takes host for a missing authority', () => {
    const { client, server } = createPair();
    const exchange = client.request({
      authority: '',
      headers: ['cookie', 'a=1', 'x-a', '1', 'cookie', 'b=2'],
    });
    run(client, server);
    expect(exchange.log).toEqual([]);
    expect(server.requests[0]?.head).toMatchObject({
      authority: '',
      headers: ['x-a', '1', 'cookie', 'a=1; b=2'],
    });
  });

  it('carries extended CONNECT where the server said so', () => {
    const { client, server } = createPair({}, { allowConnectProtocol: true });
    expect(client.machine.peerSettings.enableConnectProtocol).toBe(true);
    server.answer = (stream) => stream.respond({ status: 200, headers: [] }, false);
    const exchange = client.request({ method: 'CONNECT', protocol: 'websocket', path: '/chat' }, false);
    run(client, server);
    expect(server.requests[0]?.head).toMatchObject({
      method: 'CONNECT',
      protocol: 'websocket',
      path: '/chat',
    });
    expect(exchange.log).toEqual(['head 200 ']);
    const plain = createPair();
    const refused = plain.client.request({ method: 'CONNECT', protocol: 'websocket', path: '/chat' }, false);
    run(plain.client, plain.server);
    expect(refused.log).toEqual(['closed PROTOCOL_ERROR by peer']);
  });

  it('carries plain CONNECT as an authority alone', () => {
    const { client, server } = createPair();
    client.request({ method: 'CONNECT', scheme: '', path: '', authority: 'db:5432' }, false);
    run(client, server);
    expect(server.requests[0]?.head).toMatchObject({
      method: 'CONNECT',
      authority: 'db:5432',
      scheme: '',
      path: '',
    });
  });

  it('sends header blocks larger than a frame in several', () => {
    const limits = { maxHeaderListBytes: 200_000, maxHeaderBlockBytes: 200_000 };
    const { client } = createPair({}, { limits });
    const headers = ['x-large', 'abc-'.repeat(10_000), 'x-small', '1'];
    const exchange = client.request({ headers });
    expect(framesIn(client.output()).map((sent) => sent.type)).toEqual([1, 9, 9]);
    expect(exchange.log).toEqual([]);
    const again = createPair({}, { limits });
    again.client.request({ headers });
    run(again.client, again.server);
    expect(again.server.requests[0]?.head.headers).toEqual(headers);
  });

  it('accepts a content-length for a HEAD that has no body', () => {
    const { client, server } = createPair();
    server.answer = (stream) => stream.respond({ status: 200, headers: ['content-length', '5'] }, true);
    const exchange = client.request({ method: 'HEAD' });
    run(client, server);
    expect(exchange.log).toEqual(['head 200 content-length 5 ended', 'closed NO_ERROR by both']);
  });
});

describe('resets', () => {
  it('reach the other side with their code', () => {
    const { client, server } = createPair();
    const exchange = client.request();
    run(client, server);
    server.requests[0]?.exchange.stream?.reset(ERROR_CODE.REFUSED_STREAM);
    run(client, server);
    expect(server.requests[0]?.exchange.log.at(-1)).toBe('closed REFUSED_STREAM by local');
    expect(exchange.log).toEqual(['closed REFUSED_STREAM by peer, retryable']);
  });

  it('do not disturb other streams, whose frames are already on their way', () => {
    const { client, server } = createPair();
    server.answer = (stream) => {
      stream.respond({ status: 200, headers: [] }, false);
      stream.sendData(Buffer.alloc(1000), false);
    };
    const [gone, kept] = [client.request(), client.request()];
    server.machine.receive(client.output());
    gone.stream?.reset(ERROR_CODE.CANCEL);
    run(client, server);
    expect(gone.log).toEqual(['closed CANCEL by local']);
    expect(kept.body.length).toBe(1000);
    server.requests[1]?.exchange.stream?.sendData(text('!'), true);
    run(client, server);
    expect(kept.log.at(-1)).toBe('closed NO_ERROR by both');
  });

  it('may happen inside every event', () => {
    for (const when of ['head', 'data', 'trailers']) {
      const { client, server } = createPair();
      server.answer = (stream) => {
        stream.respond({ status: 200, headers: [] }, false);
        stream.sendData(text('x'), false);
        stream.sendTrailers(['x-a', '1']);
      };
      const exchange = client.request();
      const reset = () => exchange.stream?.reset(ERROR_CODE.CANCEL);
      exchange.after = (what) => {
        if (what.startsWith(when)) reset();
      };
      if (when === 'data') exchange.onData = reset;
      run(client, server);
      expect(exchange.log.filter((what) => what.startsWith('closed')).length).toBe(1);
      expect([client.closed, client.machine.activeStreams, server.machine.activeStreams]).toEqual([
        false,
        0,
        0,
      ]);
    }
  });
});

describe('concurrency', () => {
  it('is what the peer allows, and frees up with ends', () => {
    const { client, server } = createPair({}, { limits: { maxConcurrentStreams: 2 } });
    const first = client.request();
    client.request();
    expect(client.machine.availableStreams).toBe(0);
    expect(client.request().stream).toBeUndefined();
    first.stream?.reset(ERROR_CODE.CANCEL);
    expect(client.machine.availableStreams).toBe(1);
    const third = client.request();
    run(client, server);
    expect([server.requests.length, server.machine.activeStreams, third.log]).toEqual([3, 2, []]);
  });

  it('is kept by the server against clients that do not know yet', () => {
    const client = new End('client');
    const server = new End('server', { limits: { maxConcurrentStreams: 1 } });
    const exchanges = [client.request(), client.request()];
    run(client, server);
    expect(server.requests.length).toBe(1);
    expect(exchanges.map((exchange) => exchange.log)).toEqual([
      [],
      ['closed REFUSED_STREAM by peer, retryable'],
    ]);
  });
});

describe('the end of a connection', () => {
  it('waits for open streams when the server shuts down, and admits those already on their way', () => {
    const { client, server } = createPair();
    const [early, late] = [client.request(), client.request()];
    const onTheWay = client.output();
    server.machine.shutdown();
    server.machine.flush();
    server.machine.receive(onTheWay);
    run(client, server);
    expect(client.goaways).toEqual(['NO_ERROR', 'NO_ERROR']);
    expect(client.machine.availableStreams).toBe(0);
    expect(server.requests.length).toBe(2);
    for (const { exchange } of server.requests) exchange.stream?.respond({ status: 200, headers: [] }, true);
    run(client, server);
    expect([early.end?.by, late.end?.by]).toEqual(['both', 'both']);
    expect([client.closed, client.error, server.closed, server.error]).toEqual([
      true,
      undefined,
      true,
      undefined,
    ]);
    expect(server.sink.finished).toBe(true);
  });

  it('comes at once when an idle client shuts down', () => {
    const { client, server } = createPair();
    client.machine.shutdown();
    run(client, server);
    expect([client.closed, client.sink.finished, server.goaways]).toEqual([true, true, ['NO_ERROR']]);
    server.machine.receiveEnd();
    expect([server.closed, server.error]).toEqual([true, undefined]);
  });

  it('tells which requests the server did not look at', () => {
    const { client } = createPair();
    const [seen, unseen] = [client.request(), client.request()];
    const goaway = Buffer.from([0, 0, 8, FRAME.GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    client.machine.receive(goaway);
    expect(seen.log).toEqual([]);
    expect(unseen.log).toEqual(['closed REFUSED_STREAM by connection, retryable']);
    client.machine.lost('The cable was pulled.');
    expect(seen.end).toMatchObject({ by: 'connection', message: 'The cable was pulled.', retryable: false });
    expect(client.error?.by).toBe('transport');
  });

  it('is an error when the peer ends in the middle of a stream', () => {
    const { client, server } = createPair();
    const exchange = client.request();
    run(client, server);
    client.machine.receiveEnd();
    expect(exchange.log).toEqual(['closed INTERNAL_ERROR by connection']);
    expect(client.error?.by).toBe('transport');
  });

  it('is told to the peer with code and reason when it is our decision', () => {
    const { client, server } = createPair();
    client.machine.abort(ERROR_CODE.ENHANCE_YOUR_CALM, 'Enough of this.');
    run(client, server);
    expect(server.goaways).toEqual(['ENHANCE_YOUR_CALM Enough of this.']);
    expect(
      client.machine.request(
        { method: 'GET', scheme: '', authority: '', path: '', protocol: '', headers: [] },
        true,
        {} as never,
      ),
    ).toBeUndefined();
  });

  it('leaves every later call without effect', () => {
    const { client, server } = createPair();
    const exchange = client.request({}, false);
    run(client, server);
    client.machine.abort(ERROR_CODE.NO_ERROR, '');
    exchange.stream?.sendData(text('x'), true);
    exchange.stream?.sendTrailers([]);
    exchange.stream?.consume(1);
    exchange.stream?.reset(ERROR_CODE.CANCEL);
    client.machine.ping();
    client.machine.shutdown();
    client.machine.receive(text('rubbish'));
    client.machine.receiveEnd();
    client.machine.lost('');
    expect(exchange.log).toEqual(['closed NO_ERROR by connection']);
  });
});

it('answers PING', () => {
  const { client, server } = createPair();
  client.machine.ping();
  run(client, server);
  expect(client.pongs).toBe(1);
});

it('ends the connection, and lets the error through, when a consumer throws', () => {
  const { client, server } = createPair();
  const other = client.request();
  server.answer = () => {
    throw new Error('a bug');
  };
  expect(() => run(client, server)).toThrow('a bug');
  expect([server.closed, server.sink.finished]).toEqual([true, true]);
  client.machine.receive(server.sink.take());
  expect([client.goaways, other.end?.errorCode]).toEqual([
    ['INTERNAL_ERROR Handling what came has failed.'],
    undefined,
  ]);
});

it('opens no more streams than maxOwnStreams, however many the peer would take', () => {
  const { client } = createPair({ limits: { maxOwnStreams: 3 } });
  expect(client.machine.availableStreams).toBe(3);
  const open = createPair({}, { limits: { maxConcurrentStreams: 5 } });
  expect(open.client.machine.availableStreams).toBe(5);
});
