import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { messageOf } from '../../../../xds/resources.ts';

// Path templates (extensions.path.match.uri_template.v3), as Istio writes them for `/a/{*}/b/{**}`. A template says no
// more than a regular expression of its own kind can: permissions are rewritten before they are compiled.

const TEMPLATE_MESSAGE = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';

/** Characters of a path segment, for a set in a regular expression. */
const SEGMENT = "\\w.~%!$&'()+,;:@=-";
const ONE_SEGMENT = `[${SEGMENT}]+`;
const ANY_SEGMENTS = `[/${SEGMENT}]*`;

interface Rules {
  readonly policies?: { readonly [name: string]: { readonly permissions?: readonly Permission[] } };
}

interface Permission {
  readonly and_rules?: { readonly rules?: readonly Permission[] };
  readonly or_rules?: { readonly rules?: readonly Permission[] };
  readonly not_rule?: Permission;
  readonly uri_template?: { readonly typed_config?: { readonly '@type': string } };
}

/** The same rules with `url_path` in place of every `uri_template`. */
export function withoutTemplates<T extends Rules>(rules: T, refuse: Refuse, field: string): T {
  if (rules.policies === undefined) return rules;
  const policies = Object.entries(rules.policies).map(([name, policy]) => [
    name,
    {
      ...policy,
      ...(policy.permissions && {
        permissions: policy.permissions.map((one, i) =>
          rewrite(one, refuse, fieldIn(field, `policies.${name}.permissions[${i}]`)),
        ),
      }),
    },
  ]);
  return { ...rules, policies: Object.fromEntries(policies) };
}

function rewrite(permission: Permission, refuse: Refuse, field: string): Permission {
  const { uri_template, and_rules, or_rules, not_rule, ...rest } = permission;
  const each = (rules: readonly Permission[] | undefined, name: string): { rules: Permission[] } => ({
    rules: (rules ?? []).map((one, i) => rewrite(one, refuse, fieldIn(field, `${name}.rules[${i}]`))),
  });
  return {
    ...rest,
    ...(and_rules && { and_rules: each(and_rules.rules, 'and_rules') }),
    ...(or_rules && { or_rules: each(or_rules.rules, 'or_rules') }),
    ...(not_rule && { not_rule: rewrite(not_rule, refuse, fieldIn(field, 'not_rule')) }),
    ...(uri_template && { url_path: readTemplate(uri_template, refuse, fieldIn(field, 'uri_template')) }),
  };
}

function readTemplate(
  { typed_config }: NonNullable<Permission['uri_template']>,
  refuse: Refuse,
  field: string,
): object {
  const {
    '@type': type = '',
    path_template = '',
    ...rest
  } = (typed_config ?? {}) as {
    readonly '@type'?: string;
    readonly path_template?: string;
  };
  const place = fieldIn(field, 'typed_config');
  if (messageOf(type) !== TEMPLATE_MESSAGE) refuse(place, `'${type}' is not supported by this proxy`);
  refuseRest(refuse, place, rest);
  const regex = templateRegex(path_template);
  if (regex === undefined) refuse(fieldIn(place, 'path_template'), `'${path_template}' is no path template`);
  return { path: { safe_regex: { regex: regex ?? '/' } } };
}

/** Undefined for a text that is no template: no leading slash, unknown characters, or anything after `**`. */
export function templateRegex(template: string): string | undefined {
  if (!template.startsWith('/')) return undefined;
  const plain = template.replace(
    /\{\w+(?:=([^{}]*))?\}/g,
    (_, pattern: string | undefined) => pattern ?? '*',
  );
  const segments = plain.slice(1).split('/');
  const parts: string[] = [];
  for (const [i, segment] of segments.entries()) {
    if (segment === '*') parts.push(ONE_SEGMENT);
    else if (segment.startsWith('**')) {
      // A suffix, as in `**.m3u8`, ends the path.
      const suffix = segment.slice(2);
      if (i < segments.length - 1 || !isLiteral(suffix)) return undefined;
      parts.push(ANY_SEGMENTS + escaped(suffix));
    } else if (isLiteral(segment)) parts.push(escaped(segment));
    else return undefined;
  }
  return `/${parts.join('/')}`;
}

function isLiteral(text: string): boolean {
  return /^[\w.~%!$&'()+,;:@=-]*$/.test(text);
}

function escaped(text: string): string {
  return text.replace(/[.$()+]/g, '\\$&');
}
