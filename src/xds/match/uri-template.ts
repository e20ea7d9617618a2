import { RE2JS } from 're2js';
import { type AnyMessage, messageOf } from '../resources.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';

// Envoy's URI templates: `/users/{id}/*/{rest=**}` matches and captures, `/by-id/{id}/{rest}` is what becomes of it.
// One `*` or variable is one segment without '*' and '='; `**` is any number of them and can only be followed by
// literals; what follows the last glob without a '/' is a suffix.

const MATCH = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
const REWRITE = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig';

const LITERAL = "a-zA-Z0-9\\-._~%!$&'()+,;:@";
const SEGMENT = `[${LITERAL}]+`;
const ANYTHING = `[${LITERAL}/]*`;
const MAX_VARIABLES = 5;
const NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,15}$/;
const TOKEN = /\*\*|\*|\{([^}=]*)(?:=([^}]*))?\}|[^*{}/]+/y;

/** A template that matches whole paths and knows what its variables captured. */
export interface UriTemplate {
  readonly regex: RE2JS;
  readonly names: readonly string[];
}

/** The `typed_config` of a path_match_policy. */
export function readMatchPolicy(config: AnyMessage | undefined, refuse: Refuse, field: string): UriTemplate {
  const text = readTemplate(config, MATCH, 'path_template', refuse, field);
  return compileTemplate(text, (why) => refuse(fieldIn(field, 'path_template'), why));
}

/** The `typed_config` of a path_rewrite_policy: the path without query as the template rewrites it. */
export function readRewritePolicy(
  config: AnyMessage | undefined,
  template: UriTemplate | undefined,
  refuse: Refuse,
  field: string,
): (path: string) => string {
  const text = readTemplate(config, REWRITE, 'path_template_rewrite', refuse, field);
  const place = fieldIn(field, 'path_template_rewrite');
  if (template === undefined) {
    refuse(place, 'needs a path_match_policy whose variables it can use');
    return (path) => path;
  }
  if (!text.startsWith('/') || text.includes('//')) refuse(place, `'${text}' is no path`);
  const pieces = text.split(/\{([^}]*)\}/);
  for (const [i, piece] of pieces.entries())
    if (i % 2 === 1 ? !template.names.includes(piece) : !new RegExp(`^[${LITERAL}/]*$`).test(piece))
      refuse(
        place,
        i % 2 === 1 ? `'${piece}' is no variable of the match` : `'${piece}' is no part of a path`,
      );
  return (path) => {
    const found = template.regex.matcher(path);
    if (!found.matches()) return path;
    return pieces.map((piece, i) => (i % 2 === 1 ? (found.group(piece) ?? '') : piece)).join('');
  };
}

function readTemplate(
  config: AnyMessage | undefined,
  message: string,
  name: string,
  refuse: Refuse,
  field: string,
): string {
  const { '@type': type = '', [name]: text, ...rest } = config ?? { '@type': '' };
  if (messageOf(type) !== message) {
    refuse(field, `'${type}' is not supported by this proxy`);
    return '/';
  }
  refuseRest(refuse, field, rest);
  return typeof text === 'string' ? text : '';
}

/** The template as a regular expression whose groups are its variables; `refuse` hears why it is none. */
function compileTemplate(text: string, refuse: (why: string) => void): UriTemplate {
  const names: string[] = [];
  let source = '';
  let endless = false;
  let at = 0;
  const glob = (token: string): string => {
    if (endless) refuse('has a glob after **');
    endless ||= token === '**';
    return token === '**' ? ANYTHING : SEGMENT;
  };
  const segment = (token: string): string => (token.startsWith('*') ? glob(token) : literal(token, refuse));
  const variable = (name: string, pattern: string): string => {
    const inside = pattern.split('/').map(segment).join('/');
    const isNew = NAME.test(name) && !names.includes(name);
    if (!isNew) refuse(`'${name}' is no name for a variable, or there twice`);
    names.push(name);
    return isNew ? `(?P<${name}>${inside})` : inside;
  };
  if (!text.startsWith('/')) refuse('does not start with a slash');
  while (at < text.length) {
    if (text[at] === '/') {
      if (text[at + 1] === '/') refuse('has an empty segment');
      source += '/';
      at++;
      continue;
    }
    TOKEN.lastIndex = at;
    const [all, name, pattern] = TOKEN.exec(text) ?? [];
    if (all === undefined) {
      refuse(`is no template from '${text.slice(at)}' on`);
      break;
    }
    source += name === undefined ? segment(all) : variable(name, pattern ?? '*');
    const isSuffix = source !== '' && text[at - 1] !== '/';
    at += all.length;
    if (isSuffix && (all[0] === '*' || name !== undefined || at < text.length))
      refuse('has more than a literal after a glob, in one segment');
  }
  if (names.length > MAX_VARIABLES) refuse(`has more than ${MAX_VARIABLES} variables`);
  return { regex: RE2JS.compile(source), names };
}

function literal(text: string, refuse: (why: string) => void): string {
  if (!new RegExp(`^[${LITERAL}]+$`).test(text)) refuse(`'${text}' is no part of a path`);
  return RE2JS.quote(text);
}
