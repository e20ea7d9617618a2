import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFieldPath, parseFieldPath } from '../field-path.ts';
import { nearestName } from '../nearest-name.ts';
import { headerValueProblem } from './header.ts';
import { fqdnProblem, hostsOverlap, hostWithin, wildcardHostProblem } from './host.ts';
import { regexProblem } from './regex.ts';

describe('header values', () => {
  it.each([
    '',
    'plain',
    '100%%',
    '%HOSTNAME%',
    'a %REQ(x-y?:path)% b',
    '%DYNAMIC_METADATA(["a", "b"])%',
    '%START_TIME(%Y/%m)%',
  ])('takes %j', (value) => {
    expect(headerValueProblem(value)).toBeUndefined();
  });

  it.each(['50%', 'a%b', '%A(', '%A(["a" "b"])%', '%A("x")%', '%A(["a", x])%', '%%%', 'a\nb', 'x\u0000'])(
    'refuses %j',
    (value) => {
      expect(headerValueProblem(value)).toBeDefined();
    },
  );

  it('ends on any value', () => {
    const pieces = fc.array(fc.constantFrom('%', '(', ')', '[', ']', '"', '\\', ',', ' ', 'A'), {
      maxLength: 60,
    });
    fc.assert(fc.property(pieces, (parts) => void headerValueProblem(parts.join(''))));
  });
});

describe('host names', () => {
  it('knows full names from wildcards', () => {
    for (const name of ['a', 'A-1.b', 'a.example.']) expect(fqdnProblem(name)).toBeUndefined();
    for (const name of ['', '.', 'a..b', '-a', 'a_b', '10.0.0.1', '*.a', 'a.1'])
      expect(fqdnProblem(name)).toBeDefined();
    for (const name of ['*', '*.a', '*-x.a', '*x.a']) expect(wildcardHostProblem(name)).toBeUndefined();
    for (const name of ['a*.b', 'a.*', '*.*', '**.a']) expect(wildcardHostProblem(name)).toBeDefined();
  });

  it('compares them', () => {
    expect(hostWithin('a.b', '*.b')).toBe(true);
    expect(hostWithin('*.a.b', '*.b')).toBe(true);
    expect(hostWithin('*.b', '*.a.b')).toBe(false);
    expect(hostWithin('b', '*.b')).toBe(false);
    expect(hostsOverlap('*.b', 'x.a.b')).toBe(true);
    expect(hostsOverlap('a.b', 'a.c')).toBe(false);
  });
});

describe('paths of fields', () => {
  it('are read back as they were written', () => {
    const step = fc.oneof(
      fc.nat(20),
      fc.string({ minLength: 1 }),
      fc.constantFrom('http', 'end-user', 'a.b/c', '@x', '"'),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        expect(parseFieldPath(formatFieldPath(steps))).toEqual(steps);
      }),
    );
  });
});

describe('names that were probably meant', () => {
  it('are near', () => {
    const known = ['hosts', 'gateways', 'http', 'timeout'];
    expect(nearestName('host', known)).toBe('hosts');
    expect(nearestName('htpt', known)).toBe('http');
    expect(nearestName('Timeouts', known)).toBe('timeout');
    expect(nearestName('zzz', known)).toBeUndefined();
  });
});

describe('regular expressions', () => {
  it('are RE2', () => {
    expect(regexProblem('^/a(b|c)+\\d{2}$')).toBeUndefined();
    for (const pattern of ['(', '(?=a)', '\\1', '']) expect(regexProblem(pattern)).toBeDefined();
  });
});
