import { parse } from 'yaml';

/** A document that people write: JSON, or YAML. Throws an Error that says where it is neither. */
export function readText(text: string): unknown {
  const start = text.trimStart();
  if (start === '') return undefined;
  return start.startsWith('{') ? JSON.parse(text) : parse(text, { logLevel: 'error' });
}
