import type { Report } from '../../report.ts';

/** `type.googleapis.com/package.Message`. */
const TYPE_URL = /^\S*\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** Deeper no configuration of Envoy is nested. */
const MAX_DEPTH = 100;

/** Whether every typed config within a value says what it is: Envoy refuses one that does not, with all around it. */
export function checkTypes(value: unknown, report: Report, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  for (const [name, inner] of Object.entries(value)) {
    const at = report.at(Array.isArray(value) ? Number(name) : name);
    const config = name === 'typed_config' || name === 'typedConfig';
    if (config && isUntyped(inner)) at.error('@type', '"@type" is required: which message is this?');
    if (name === '@type' && (typeof inner !== 'string' || !TYPE_URL.test(inner)))
      at.error([], 'this is not the type of a message; write type.googleapis.com/PACKAGE.MESSAGE');
    checkTypes(inner, at, depth + 1);
  }
}

function isUntyped(config: unknown): boolean {
  if (typeof config !== 'object' || config === null || Object.keys(config).length === 0) return false;
  return !Object.hasOwn(config, '@type');
}
