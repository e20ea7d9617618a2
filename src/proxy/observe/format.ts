import type { Refuse } from '../../xds/match/refuse.ts';
import { type Extensions, type Piece, parsePieces } from './format-pieces.ts';
import type { Operator } from './operator.ts';
import type { StreamFacts } from './stream-facts.ts';

// Envoy's substitution formats: text with %OPERATORS%, compiled once, run per stream. Called by access logs, header
// operations and local replies. format-json.ts is their form as JSON.

export type Format = (facts: StreamFacts) => string;

/** A format that may be empty where no operator gave anything. */
export interface CompiledText {
  readonly format: Format;
  /** What the text is when it holds no operator at all. */
  readonly constant: string | undefined;
}

/** `empty` is printed where an operator has nothing to say. */
export function compileText(
  text: string,
  refuse: Refuse,
  field: string,
  empty = '-',
  extensions: Extensions = {},
): CompiledText {
  return compilePieces(parsePieces(text, refuse, field, extensions), empty);
}

export function compilePieces(pieces: readonly Piece[], empty: string): CompiledText {
  const only = pieces[0];
  if (pieces.length === 0) return { format: () => '', constant: '' };
  if (pieces.length === 1 && typeof only === 'string') return { format: () => only, constant: only };
  return { format: printer(steps(pieces), empty), constant: undefined };
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
    list.push({ before, operator: piece.command.text, maxLength: piece.maxLength });
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
