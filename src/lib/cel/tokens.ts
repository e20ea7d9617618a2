/** One word of a CEL expression. `text` of a string literal is as written, with quotes and prefix. */
export interface CelToken {
  readonly type: 'name' | 'number' | 'string' | 'operator' | 'end';
  readonly text: string;
  /** Offset in the expression. */
  readonly at: number;
}

/** Why a text is no CEL expression. */
export class CelSyntaxError extends Error {
  readonly code = 'CEL_SYNTAX';
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Expressions are short; a longer text is a mistake. */
const MAX_LENGTH = 100_000;

const PATTERNS: readonly (readonly [CelToken['type'] | 'space', RegExp])[] = [
  ['space', /(?:\s+|\/\/[^\n]*)/y],
  ['string', /(?:[bB]?[rR]|[rR][bB])(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\r\n]*"|'[^'\r\n]*')/y],
  [
    'string',
    /[bB]?(?:"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?!"")(?:\\.|[^"\\\r\n])*"|'(?!'')(?:\\.|[^'\\\r\n])*')/y,
  ],
  ['number', /0[xX][0-9a-fA-F]+[uU]?|\d+[uU]|\d*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+/y],
  ['name', /[_a-zA-Z][_a-zA-Z0-9]*/y],
  ['operator', /\|\||&&|<=|>=|==|!=|[-+*/%!<>?:.,()[\]{}]/y],
];

/** The words of an expression, the last one of type `end`. Throws CelSyntaxError. Spec: CEL language definition, Syntax. */
export function celTokens(expression: string): CelToken[] {
  if (expression.length > MAX_LENGTH) throw new CelSyntaxError('the expression is too long', MAX_LENGTH);
  const tokens: CelToken[] = [];
  let at = 0;
  while (at < expression.length) {
    const { type, text } = tokenAt(expression, at);
    if (type !== 'space') tokens.push({ type, text, at });
    at += text.length;
  }
  return [...tokens, { type: 'end', text: '', at }];
}

function tokenAt(expression: string, at: number): { type: CelToken['type'] | 'space'; text: string } {
  for (const [type, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const text = pattern.exec(expression)?.[0];
    if (text === undefined) continue;
    if (type === 'string' && !/^[bB]?[rR]|^[rR]/.test(text)) checkEscapes(text, at);
    return { type, text };
  }
  const found = expression[at] ?? '';
  const open = found === '"' || found === "'";
  throw new CelSyntaxError(open ? 'a text is not closed' : `"${found}" is not possible here`, at);
}

const ESCAPE =
  /\\(?:[abfnrtv\\?"'`]|x[0-9a-fA-F]{2}|X[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})/y;

function checkEscapes(text: string, at: number): void {
  for (let i = text.indexOf('\\'); i >= 0; i = text.indexOf('\\', ESCAPE.lastIndex)) {
    ESCAPE.lastIndex = i;
    if (!ESCAPE.test(text))
      throw new CelSyntaxError(`"${text.slice(i, i + 2)}" is not an escape in a text`, at + i);
  }
}
