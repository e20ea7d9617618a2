import { type Headers, indexOfHeader, removeHeader, setHeader } from '../../wire/headers.ts';
import {
  type AppendAction,
  appendAction,
  effectOf,
  type HeaderValueOption,
} from '../../xds/match/header-append.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileText, type Format } from '../observe/format.ts';
import type { StreamFacts } from '../observe/stream-facts.ts';

// Adding and removing headers as routes, virtual hosts and filters are configured to (config.core.v3.HeaderValueOption).

interface Addition {
  readonly name: string;
  readonly lowerName: string;
  readonly value: Format;
  readonly constant: string | undefined;
  readonly keepEmpty: boolean;
  readonly action: AppendAction;
}

/** Removals, then additions. Immutable. */
export interface HeaderOperations {
  readonly remove: readonly string[];
  readonly add: readonly Addition[];
}

/** `prefix` is `request` or `response`: fields are `request_headers_to_add` and so on. */
export function readHeaderOperations(
  toAdd: readonly HeaderValueOption[] | undefined,
  toRemove: readonly string[] | undefined,
  prefix: 'request' | 'response',
  refuse: Refuse,
  field: string,
): HeaderOperations {
  const remove = (toRemove ?? []).map((name, i) => {
    checkName(name, refuse, fieldIn(field, `${prefix}_headers_to_remove[${i}]`));
    return name.toLowerCase();
  });
  const add = (toAdd ?? []).map((option, i) =>
    readAddition(option, refuse, fieldIn(field, `${prefix}_headers_to_add[${i}]`)),
  );
  return { remove, add };
}

/** One HeaderValueOption. */
export function readAddition(option: HeaderValueOption, refuse: Refuse, field: string): Addition {
  const { header = {}, append: _old, append_action: _action, keep_empty_value = false, ...rest } = option;
  refuseRest(refuse, field, rest);
  const name = header.key ?? '';
  checkName(name, refuse, fieldIn(field, 'header.key'));
  if (name === '') refuse(fieldIn(field, 'header.key'), 'is missing');
  // Bytes that are not text arrive as base64; a header is one character per byte.
  const text = header.value ?? (header.raw_value === undefined ? '' : atob(header.raw_value));
  const { format, constant } = compileText(text, refuse, fieldIn(field, 'header.value'), '');
  return {
    name,
    lowerName: name.toLowerCase(),
    value: format,
    constant,
    keepEmpty: keep_empty_value,
    action: appendAction(option),
  };
}

/** Several in order; undefined where none does anything. */
export function joinOperations(list: readonly HeaderOperations[]): readonly HeaderOperations[] | undefined {
  const some = list.filter(({ remove, add }) => remove.length + add.length > 0);
  return some.length === 0 ? undefined : some;
}

/** Changes `headers` in place. */
export function applyOperations(
  operations: readonly HeaderOperations[],
  headers: Headers,
  facts: StreamFacts,
): void {
  for (const { remove, add } of operations) {
    for (const name of remove) removeHeader(headers, name);
    for (const addition of add) apply(addition, headers, facts);
  }
}

function apply(addition: Addition, headers: Headers, facts: StreamFacts): void {
  const value = addition.constant ?? addition.value(facts);
  if (value === '' && !addition.keepEmpty) return;
  const { action, lowerName } = addition;
  const effect = effectOf(action, action !== 'append' && indexOfHeader(headers, lowerName, 0) >= 0);
  if (effect === 'add') headers.push(addition.name, value);
  else if (effect === 'replace') setHeader(headers, lowerName, value);
}

/** Host and pseudo-headers have operations of their own: changed here, routing and sending would disagree. */
function checkName(name: string, refuse: Refuse, field: string): void {
  if (name.startsWith(':') || name.toLowerCase() === 'host')
    refuse(field, `'${name}' cannot be changed here`);
  else if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/.test(name)) refuse(field, `'${name}' is no header name`);
}
