/** One step from a value to a value inside it: a key of an object or an index of a list. */
export type FieldStep = string | number;

const PLAIN_KEY = /^[A-Za-z_$@][\w$@-]*$/;

/** `['spec', 'http', 0, 'headers', 'a.b']` -> `spec.http[0].headers["a.b"]`. */
export function formatFieldPath(steps: readonly FieldStep[]): string {
  let text = '';
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (PLAIN_KEY.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

const STEP = /\.?([^.[\]]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The steps of a path that {@link formatFieldPath} wrote; stops at the first place that is no path. */
export function parseFieldPath(path: string): FieldStep[] {
  const steps: FieldStep[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const found = STEP.exec(path);
    if (found === null) break;
    if (found[1] !== undefined) steps.push(found[1]);
    else if (found[2] !== undefined) steps.push(Number(found[2]));
    else steps.push(parseQuoted(found[3] ?? '""'));
  }
  return steps;
}

function parseQuoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
