import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { celProblem, parseCel } from './syntax.ts';
import { CelSyntaxError } from './tokens.ts';

describe('syntax of CEL', () => {
  it.each([
    'response.code >= 400',
    'true',
    "has(request.headers) && request.headers['x-a'] in ['b', \"c\",]",
    '!(a.b(1, c).d[0] == -1u) || x ? y : z ? 1 : 2',
    'connection.mtls && request.url_path.contains("v1beta3")',
    '{"a": 1, b: [2.5e3, .5, 0xff]}.size() % 2 == 0',
    'a.b.C{x: 1, y: "z"}.x',
    'r"\\d+" + b\'x\' + """a "quoted" text""" + \'\\n\\u00e9\\x41\\101\'',
    'a // the rest is a comment',
    '.a.b',
    'list.exists(x, x > 1)',
  ])('takes %s', (expression) => {
    expect(celProblem(expression)).toBeUndefined();
  });

  it.each([
    ['', 'ends too early'],
    ['a +', 'ends too early'],
    ['a b', '"b" is not possible'],
    ['a == = b', '"=" is not possible'],
    ['"a', 'not closed'],
    ['"\\q"', 'not an escape'],
    ['f(1,)', '")" is not possible'],
    ['has(a)', 'has() asks for a field'],
    ['package', 'not possible'],
    ['a ? b', '":" is missing'],
    ['(a', '")" is missing'],
    ['a.1', 'not possible'],
    ['a & b', '"&" is not possible'],
    [`${'('.repeat(300)}a${')'.repeat(300)}`, 'nested too deeply'],
  ])('refuses %s', (expression, why) => {
    expect(celProblem(expression)).toContain(why);
  });

  it('binds operators as tightly as the specification says', () => {
    expect(parseCel('a || b && c == d + e * -f')).toEqual(parseCel('a || (b && (c == (d + (e * (-f)))))'));
    expect(parseCel('a - b - c')).toEqual(parseCel('(a - b) - c'));
    expect(parseCel('a ? b : c ? d : e')).toEqual(parseCel('a ? b : (c ? d : e)'));
  });

  it('never throws anything but its own error', () => {
    const word = fc.constantFrom(
      'a',
      '.',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '1',
      '"x"',
      '&&',
      '?',
      ':',
      ',',
      '-',
      '!',
      'in',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join('')),
        ),
        (text) => {
          try {
            parseCel(text);
          } catch (error) {
            expect(error).toBeInstanceOf(CelSyntaxError);
          }
        },
      ),
    );
  });
});
