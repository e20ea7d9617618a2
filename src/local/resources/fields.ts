// Reads fields of a value that came from YAML: the right type or a problem with the field's path. An absent field
// (or null) is its default, as for an API server.

export type Path = readonly (string | number)[];

/** What is wrong at a path. */
export interface FieldProblem {
  readonly path: Path;
  readonly message: string;
}

/** One YAML mapping under reading. All problems of one object go to one list. */
export class Fields {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: Path;
  readonly #problems: FieldProblem[];

  constructor(value: unknown, path: Path, problems: FieldProblem[]) {
    this.#path = path;
    this.#problems = problems;
    if (isMapping(value)) {
      this.#value = value;
    } else {
      this.#value = {};
      if (value !== undefined && value !== null) this.problem('', 'must be a mapping of fields');
    }
  }

  /** Notes a problem at a field, or at this mapping for ''. */
  problem(name: string, message: string): void {
    const path = name === '' ? this.#path : [...this.#path, name];
    const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
    this.#problems.push({ path, message: `${text.replace(/^\./, '') || 'the document'}: ${message}` });
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined && this.#value[name] !== null;
  }

  /** A string; numbers and booleans are not taken for one, since Kubernetes does not either. */
  string(name: string, standard = ''): string {
    const value = this.#value[name] ?? standard;
    if (typeof value === 'string') return value;
    this.problem(name, `must be a string, not ${describe(value)} (put it in quotes)`);
    return standard;
  }

  /** A whole number within limits. */
  whole(name: string, standard: number, min: number, max: number): number {
    const value = this.#value[name] ?? standard;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `must be a whole number from ${min} to ${max}, not ${describe(value)}`);
    return standard;
  }

  /** A port: its number or its name. */
  port(name: string, standard: number | string): number | string {
    const value = this.#value[name] ?? standard;
    if (typeof value === 'string' && value !== '') return /^\d+$/.test(value) ? Number(value) : value;
    return this.whole(name, typeof standard === 'number' ? standard : 0, 1, 65_535);
  }

  /** A mapping of strings, such as labels. */
  strings(name: string): Readonly<Record<string, string>> {
    const value = this.#value[name] ?? {};
    if (!isMapping(value)) {
      this.problem(name, `must be a mapping of strings, not ${describe(value)}`);
      return {};
    }
    const inner = new Fields(value, [...this.#path, name], this.#problems);
    return Object.fromEntries(Object.keys(value).map((key) => [key, inner.string(key)]));
  }

  /** A list of strings. */
  stringList(name: string): readonly string[] {
    const value = this.#value[name] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.problem(name, 'must be a list of strings');
    return [];
  }

  /** An inner mapping; empty when absent. */
  fields(name: string): Fields {
    return new Fields(this.#value[name], [...this.#path, name], this.#problems);
  }

  /** The mappings of a list; none when absent. */
  list(name: string): readonly Fields[] {
    const value = this.#value[name] ?? [];
    if (Array.isArray(value))
      return value.map((item, i) => new Fields(item, [...this.#path, name, i], this.#problems));
    this.problem(name, `must be a list, not ${describe(value)}`);
    return [];
  }
}

/** A plain object, not a list. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return isMapping(value) ? 'a mapping' : JSON.stringify(value);
}
