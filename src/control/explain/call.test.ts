import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerText, parseCaller, parseTarget } from './call.ts';

describe('targets', () => {
  it.each([
    ['http://reviews:9080/a?b=c', 'http', 'reviews', 9080, 'reviews:9080', '/a?b=c'],
    ['https://a.example.com', 'https', 'a.example.com', 443, 'a.example.com', '/'],
    ['http://a/x/../y#part', 'http', 'a', 80, 'a', '/x/../y'],
    ['http://a?q', 'http', 'a', 80, 'a', '/?q'],
    ['grpc://Greeter:50051/p.S/M', 'grpc', 'greeter', 50051, 'Greeter:50051', '/p.S/M'],
    ['tcp://db:5432', 'tcp', 'db', 5432, 'db:5432', '/'],
    ['http://[fd00::1]:8080/', 'http', 'fd00::1', 8080, '[fd00::1]:8080', '/'],
  ])('%s', (url, scheme, host, port, authority, path) => {
    expect(parseTarget(url)).toEqual({ scheme, host, port, authority, path });
  });

  it.each([
    'reviews:9080',
    'tcp://db',
    'ftp://a/',
    'http://',
    'http://a:0/',
    'http://a:70000/',
    'http://a b/',
  ])('%s is none', (url) => expect(parseTarget(url)).toBeUndefined());

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTarget(`http://${text}`)));
  });
});

describe('callers', () => {
  it.each(['default/web', 'gateway:istio-system/gw', 'outside'])('%s', (text) => {
    const caller = parseCaller(text);
    expect(caller && callerText(caller)).toBe(text);
  });

  it.each(['web', 'sidecar:default/web', 'default/', '', 'a/b/c'])('"%s" is nobody', (text) =>
    expect(parseCaller(text)).toBeUndefined(),
  );
});
