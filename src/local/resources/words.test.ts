import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitWords } from './words.ts';

describe('splitWords', () => {
  it('splits at spaces and keeps what is quoted', () => {
    expect(splitWords(`node  app.ts --name 'a b' "c \\"d\\"" e\\ f ''`)).toEqual([
      'node',
      'app.ts',
      '--name',
      'a b',
      'c "d"',
      'e f',
      '',
    ]);
    expect(splitWords('  ')).toEqual([]);
  });

  it('expands nothing', () => {
    expect(splitWords('echo $HOME *.ts; rm x')).toEqual(['echo', '$HOME', '*.ts;', 'rm', 'x']);
  });

  it('says what is not closed', () => {
    expect(splitWords(`a "b`)).toEqual({ problem: expect.stringContaining('never closed') });
    expect(splitWords('a \\')).toEqual({ problem: expect.stringContaining('backslash') });
  });

  it('reads back any words that are quoted for a shell', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
        expect(splitWords(line)).toEqual(words);
      }),
    );
  });

  it('agrees with sh', () => {
    const line = `one 't w o' "thr\\ee" "q\\"q" fo\\ur`;
    const sh = spawnSync('sh', ['-c', `for word in ${line}; do printf "[%s]\\n" "$word"; done`], {
      encoding: 'utf8',
    });
    expect(splitWords(line)).toEqual(
      sh.stdout
        .trim()
        .split('\n')
        .map((out) => out.slice(1, -1)),
    );
  });
});
