import { expect, it } from 'vitest';
import { any } from '../resources.ts';
import { readMatchPolicy, readRewritePolicy } from './uri-template.ts';

const MATCH = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
const REWRITE = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig';

function refusalsOf(path_template: string, path_template_rewrite?: string): string[] {
  const refused: string[] = [];
  const refuse = (field: string): void => void refused.push(field);
  const template = readMatchPolicy(any(MATCH, { path_template }), refuse, 'm');
  if (path_template_rewrite !== undefined)
    readRewritePolicy(any(REWRITE, { path_template_rewrite }), template, refuse, 'r');
  return refused;
}

it('takes what Envoy takes', () => {
  for (const text of [
    '/',
    '/a',
    '/a/',
    '/*',
    '/**',
    '/{x}',
    '/{x=*/y/**}',
    '/**.js',
    '/*.js',
    '/{x}.js',
    '/a/**/b',
  ])
    expect([text, refusalsOf(text)]).toEqual([text, []]);
});

it('refuses what Envoy refuses', () => {
  for (const text of [
    '',
    'a',
    '//',
    '/a//b',
    '/**/*',
    '/**/{x}',
    '/{x}/{x}',
    '/{1}',
    '/{x=}',
    '/{x',
    '/a{x}',
    '/*a*',
    '/a*',
  ])
    expect([text, refusalsOf(text).length > 0]).toEqual([text, true]);
});

it('rewrites only with variables of the match', () => {
  expect(refusalsOf('/{x}', '/new/{x}')).toEqual([]);
  expect(refusalsOf('/{x}', '/new/{y}')).toEqual(['r.path_template_rewrite']);
  expect(refusalsOf('/{x}', 'new')).toEqual(['r.path_template_rewrite']);
  expect(refusalsOf('/{x}', '/a//b')).toEqual(['r.path_template_rewrite']);
});
