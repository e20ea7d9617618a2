import type { Refuse } from '../../xds/match/refuse.ts';
import type { Command, MakeCommand } from './operator.ts';
import { operatorOf } from './operators.ts';

/** An operator of a format, with its `:Z`; infinite where there is none. */
export interface OperatorPiece {
  readonly command: Command;
  readonly maxLength: number;
}

/** Text and operators, alternating. */
export type Piece = string | OperatorPiece;

/** What formatter extensions add to the operators. */
export type Extensions = Readonly<Record<string, MakeCommand>>;

const OPERATOR = /%(?:%|([A-Z0-9_]+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?::(\d+))?%)/g;

/** A format as pieces. What is no operator is refused, never printed as it stands. */
export function parsePieces(
  text: string,
  refuse: Refuse,
  field: string,
  extensions: Extensions = {},
): Piece[] {
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
    const command = operatorOf(name, argument, extensions);
    if (command === undefined) refuse(field, `the operator '${all}' is not supported by this proxy`);
    else if (typeof command === 'string') refuse(field, `the operator '${all}': ${command}`);
    else
      pieces.push({ command, maxLength: length === undefined ? Number.POSITIVE_INFINITY : Number(length) });
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
