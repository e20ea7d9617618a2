import type { Refuse } from '../../xds/match/refuse.ts';
import { fieldIn } from '../../xds/match/refuse.ts';
import type { Json } from '../../xds/resources.ts';
import { type Operator, operatorOf } from './operators.ts';
import type { StreamFacts } from './stream-facts.ts';

// Envoy's substitution formats: text with %OPERATORS%, compiled once, run per stream. Called by access logs, header
// operations and local replies. An operator that is not known is refused, never printed as it stands.

export type Format = (facts: StreamFacts) => string;

/** A format that may be empty where no operator gave anything. */
export interface CompiledText {
  readonly format: Format;
  /** What the text is when it holds no operator at all. */
  readonly constant: string | undefined;
}

/** Text and operators, alternating. */
type Piece = string | { readonly operator: Operator; readonly maxLength: number };

const OPERATOR = /%(?:%|([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%)/g;

/** `empty` is printed where an operator has nothing to say. */
export function compileText(text: string, refuse: Refuse, field: string, empty = '-'): CompiledText {
  const pieces = parsePieces(text, refuse, field);
  const only = pieces[0];
  if (pieces.length === 0) return { format: () => '', constant: '' };
  if (pieces.length === 1 && typeof only === 'string') return { format: () => only, constant: only };
  return { format: printer(steps(pieces), empty), constant: undefined };
}

/** A JSON object with operators in its strings, one line with its end. A lone number operator stays a number. */
export function compileJson(
  struct: { readonly [key: string]: Json },
  refuse: Refuse,
  field: string,
  omitEmpty: boolean,
): Format {
  const value = compileValue(struct, refuse, field);
  return (facts) => `${JSON.stringify(value(facts), omitEmpty ? withoutNull : undefined)}\n`;
}

function compileValue(value: Json, refuse: Refuse, field: string): (facts: StreamFacts) => Json {
  if (Array.isArray(value)) {
    const items = value.map((item, i) => compileValue(item, refuse, `${field}[${i}]`));
    return (facts) => items.map((item) => item(facts));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, inner]) => [key, compileValue(inner as Json, refuse, fieldIn(field, key))] as const,
    );
    return (facts) => Object.fromEntries(entries.map(([key, inner]) => [key, inner(facts)]));
  }
  if (typeof value !== 'string') return () => value;
  const pieces = parsePieces(value, refuse, field);
  const only = pieces[0];
  if (pieces.length === 1 && only !== undefined && typeof only !== 'string')
    return (facts) => cut(only.operator(facts), only.maxLength);
  return compileText(value, refuse, field).format;
}

function cut(value: string | number | undefined, maxLength: number): Json {
  return typeof value === 'string' ? value.slice(0, maxLength) : (value ?? null);
}

function withoutNull(_key: string, value: unknown): unknown {
  return value === null ? undefined : value;
}

function parsePieces(text: string, refuse: Refuse, field: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  let literal = '';
  const flush = (): void => {
    if (literal !== '') pieces.push(literal);
    literal = '';
  };
  for (const found of text.matchAll(OPERATOR)) {
    const [all, name, argument, length] = found;
    literal += checkLiteral(text.slice(end, found.index), refuse, field);
    end = found.index + all.length;
    if (name === undefined) {
      literal += '%';
      continue;
    }
    flush();
    const operator = operatorOf(name, argument);
    if (operator === undefined) refuse(field, `the operator '${all}' is not supported by this proxy`);
    else pieces.push({ operator, maxLength: length === undefined ? Infinity : Number(length) });
  }
  literal += checkLiteral(text.slice(end), refuse, field);
  flush();
  return pieces;
}

function checkLiteral(text: string, refuse: Refuse, field: string): string {
  if (text.includes('%'))
    refuse(field, `a '%' in '${text}' starts no operator; a literal one is written '%%'`);
  return text;
}

/** An operator with the text before it: a format is a list of these, half as many calls as pieces. */
interface Step {
  readonly before: string;
  readonly operator: Operator;
  readonly maxLength: number;
}

const NOTHING: Operator = () => '';

function steps(pieces: readonly Piece[]): readonly Step[] {
  const list: Step[] = [];
  let before = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      before += piece;
      continue;
    }
    list.push({ before, ...piece });
    before = '';
  }
  if (before !== '') list.push({ before, operator: NOTHING, maxLength: Number.POSITIVE_INFINITY });
  return list;
}

function printer(list: readonly Step[], empty: string): Format {
  return (facts) => {
    let text = '';
    for (let i = 0; i < list.length; i++) {
      const { before, operator, maxLength } = list[i] as Step;
      const value = operator(facts) ?? empty;
      text += before;
      text += maxLength === Number.POSITIVE_INFINITY ? value : String(value).slice(0, maxLength);
    }
    return text;
  };
}
