import { CelSyntaxError, type CelToken, celTokens } from './tokens.ts';

/** A parsed expression. Operators are calls too: `_+_`, `_?_:_`, `!_`, `@in`, `_[_]`, as in the CEL specification. */
export type CelExpr =
  | { readonly type: 'literal'; readonly text: string }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'select'; readonly of: CelExpr; readonly field: string }
  | {
      readonly type: 'call';
      readonly target?: CelExpr;
      readonly name: string;
      readonly args: readonly CelExpr[];
    }
  | { readonly type: 'list'; readonly items: readonly CelExpr[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [CelExpr, CelExpr])[] }
  | {
      readonly type: 'message';
      readonly name: string;
      readonly fields: readonly (readonly [string, CelExpr])[];
    };

/** Parses an expression of the Common Expression Language; throws CelSyntaxError. Types are not checked. */
export function parseCel(expression: string): CelExpr {
  return new Parser(celTokens(expression)).whole();
}

/** What is wrong with the syntax of an expression, or undefined. */
export function celProblem(expression: string): string | undefined {
  try {
    parseCel(expression);
    return undefined;
  } catch (error) {
    if (!(error instanceof CelSyntaxError)) throw error;
    return `"${expression}" is not a CEL expression: ${error.message} (at character ${error.at + 1})`;
  }
}

const RESERVED = new Set(
  'as break const continue else false for function if import in let loop package namespace null return true var void while'.split(
    ' ',
  ),
);
const LITERAL_NAMES = new Set(['true', 'false', 'null']);
/** From loosest to tightest. */
const BINARY: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['<', '<=', '>', '>=', '==', '!=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];
const MAX_DEPTH = 250;

class Parser {
  readonly #tokens: readonly CelToken[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly CelToken[]) {
    this.#tokens = tokens;
  }

  whole(): CelExpr {
    const expr = this.#expr();
    if (this.#peek().type !== 'end') throw this.#unexpected();
    return expr;
  }

  #expr(): CelExpr {
    if (++this.#depth > MAX_DEPTH)
      throw new CelSyntaxError('the expression is nested too deeply', this.#peek().at);
    const condition = this.#binary(0);
    let expr = condition;
    if (this.#take('?')) {
      const then = this.#binary(0);
      this.#expect(':');
      expr = { type: 'call', name: '_?_:_', args: [condition, then, this.#expr()] };
    }
    this.#depth--;
    return expr;
  }

  #binary(level: number): CelExpr {
    const operators = BINARY[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let found = this.#operator(operators); found !== undefined; found = this.#operator(operators))
      left = {
        type: 'call',
        name: found === 'in' ? '@in' : `_${found}_`,
        args: [left, this.#binary(level + 1)],
      };
    return left;
  }

  #operator(operators: readonly string[]): string | undefined {
    const { type, text } = this.#peek();
    if (!operators.includes(text) || (type !== 'operator' && text !== 'in')) return undefined;
    this.#next++;
    return text;
  }

  #unary(): CelExpr {
    const sign = this.#operator(['!', '-']);
    if (sign === undefined) return this.#member();
    let count = 1;
    while (this.#operator([sign]) !== undefined) count++;
    const inner = this.#member();
    return count % 2 === 0 ? inner : { type: 'call', name: `${sign}_`, args: [inner] };
  }

  #member(): CelExpr {
    let expr = this.#primary();
    for (;;) {
      if (this.#take('.')) {
        const field = this.#name(false);
        if (this.#take('(')) expr = { type: 'call', target: expr, name: field, args: this.#exprs(')') };
        else expr = { type: 'select', of: expr, field };
      } else if (this.#take('[')) {
        expr = { type: 'call', name: '_[_]', args: [expr, this.#expr()] };
        this.#expect(']');
      } else if (this.#peek().text === '{' && typeName(expr) !== undefined)
        expr = this.#message(typeName(expr) ?? '');
      else return expr;
    }
  }

  #primary(): CelExpr {
    const { type, text } = this.#peek();
    if (type === 'number' || type === 'string' || LITERAL_NAMES.has(text)) {
      this.#next++;
      return { type: 'literal', text };
    }
    if (this.#take('(')) {
      const expr = this.#expr();
      this.#expect(')');
      return expr;
    }
    if (this.#take('[')) return { type: 'list', items: this.#exprs(']') };
    if (this.#take('{')) return { type: 'map', entries: this.#entries(() => this.#expr()) };
    const root = this.#take('.') ? '.' : '';
    const name = root + this.#name(true);
    return this.#take('(') ? this.#call(name) : { type: 'name', name };
  }

  #call(name: string): CelExpr {
    const { at } = this.#peek();
    const args = this.#exprs(')');
    if (name === 'has' && (args.length !== 1 || args[0]?.type !== 'select'))
      throw new CelSyntaxError('has() asks for a field, as in has(request.headers)', at);
    return { type: 'call', name, args };
  }

  #message(name: string): CelExpr {
    this.#expect('{');
    return { type: 'message', name, fields: this.#entries(() => this.#name(false)) };
  }

  /** Expressions up to a closing bracket. A list may end in a comma, arguments may not. */
  #exprs(close: ')' | ']'): CelExpr[] {
    const items: CelExpr[] = [];
    while (!this.#take(close)) {
      items.push(this.#expr());
      if (this.#take(close)) break;
      this.#expect(',');
      if (close === ')' && this.#peek().text === ')') throw this.#unexpected();
    }
    return items;
  }

  #entries<K>(key: () => K): (readonly [K, CelExpr])[] {
    const entries: (readonly [K, CelExpr])[] = [];
    while (!this.#take('}')) {
      const name = key();
      this.#expect(':');
      entries.push([name, this.#expr()]);
      if (this.#take('}')) break;
      this.#expect(',');
    }
    return entries;
  }

  #name(asIdentifier: boolean): string {
    const { type, text } = this.#peek();
    const literal = LITERAL_NAMES.has(text) || text === 'in';
    if (type !== 'name' || literal || (asIdentifier && RESERVED.has(text))) throw this.#unexpected();
    this.#next++;
    return text;
  }

  #take(operator: string): boolean {
    return this.#operator([operator]) !== undefined;
  }

  #expect(operator: string): void {
    if (!this.#take(operator)) throw this.#unexpected(`"${operator}" is missing`);
  }

  #peek(): CelToken {
    return this.#tokens[this.#next] ?? { type: 'end', text: '', at: 0 };
  }

  #unexpected(why?: string): CelSyntaxError {
    const { type, text, at } = this.#peek();
    return new CelSyntaxError(
      why ?? (type === 'end' ? 'it ends too early' : `"${text}" is not possible here`),
      at,
    );
  }
}

/** `a.b.C` as the name of a message type, or undefined for an expression that cannot be one. */
function typeName(expr: CelExpr): string | undefined {
  if (expr.type === 'name') return expr.name;
  const outer = expr.type === 'select' ? typeName(expr.of) : undefined;
  return outer === undefined || expr.type !== 'select' ? undefined : `${outer}.${expr.field}`;
}
