import type { RouteAction } from '../resources.ts';
import { fieldIn, type Refuse } from './refuse.ts';
import { compileSubstitution } from './regex.ts';
import type { PathRule } from './route-match.ts';
import { readRewritePolicy } from './uri-template.ts';

/** Rewrites of the path that routes and redirects share. The query stays as it is. */
export function readPathRewrite(
  fields: {
    readonly [K in 'prefix_rewrite' | 'regex_rewrite' | 'path_rewrite_policy']?: RouteAction[K] | undefined;
  },
  path: PathRule,
  refuse: Refuse,
  field: string,
): ((path: string) => string) | undefined {
  const { prefix_rewrite, regex_rewrite, path_rewrite_policy: policy } = fields;
  if (policy !== undefined) {
    const template = path.kind === 'template' ? path.template : undefined;
    const place = fieldIn(field, 'path_rewrite_policy.typed_config');
    return onPathOnly(readRewritePolicy(policy.typed_config, template, refuse, place));
  }
  if (prefix_rewrite !== undefined && prefix_rewrite !== '')
    return onPathOnly(replacePrefix(prefix_rewrite, path));
  if (regex_rewrite === undefined) return undefined;
  return onPathOnly(compileSubstitution(regex_rewrite, refuse, fieldIn(field, 'regex_rewrite')));
}

/** What matched is replaced: a prefix, or the whole path where the whole was compared. */
function replacePrefix(replacement: string, rule: PathRule): (path: string) => string {
  if (rule.kind !== 'prefix' && rule.kind !== 'path-separated-prefix') return () => replacement;
  const { length } = rule.text;
  return (path) => replacement + path.slice(length);
}

function onPathOnly(rewrite: (path: string) => string): (path: string) => string {
  return (path) => {
    const end = path.search(/[?#]/);
    return end < 0 ? rewrite(path) : rewrite(path.slice(0, end)) + path.slice(end);
  };
}
