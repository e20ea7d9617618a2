import type { Told } from '../control/explain/explain.ts';
import type { Because, DestinationShare, Explanation } from '../control/explain/explanation.ts';
import { shareText } from '../control/explain/words.ts';

/** An explanation for people: the answer, then the way, place by place, with the line of the file that is the reason. */
export function explainText({ explanation, steps, findings, otherFindings }: Told): string {
  const lines = [answerText(explanation)];
  let place = '';
  for (const step of steps) {
    if (step.place !== place) lines.push('', step.place);
    place = step.place;
    lines.push(`  ${step.what}${reasonText(step.because)}`);
    for (const { what, why, because } of step.instead)
      lines.push(`    instead of ${what}: ${why}${reasonText(because)}`);
  }
  if (findings.length + otherFindings > 0) lines.push('', 'worth knowing');
  for (const one of findings)
    lines.push(`  ${one.field === '' ? '' : `${one.field}: `}${one.message}${reasonText(one)}`);
  if (otherFindings > 0) {
    const many = otherFindings === 1 ? 'finding' : 'findings';
    lines.push(`  ${otherFindings}${findings.length === 0 ? '' : ' more'} ${many} about other objects`);
  }
  return `${lines.join('\n')}\n`;
}

const TLS = {
  mutual: 'over mutual TLS',
  simple: 'over TLS',
  none: 'without TLS',
  passthrough: "over the client's own TLS",
} as const;

function answerText(explanation: Explanation): string {
  const { outcome, status, tls } = explanation;
  const code = status === 0 ? '' : ` ${status}`;
  switch (outcome) {
    case 'forward':
      return `goes to ${whereText(explanation.destinations)}, ${TLS[tls]}:${code === '' ? ' connected' : code}`;
    case 'passthrough':
      return `passes through to ${whereText(explanation.destinations)}, ${TLS[tls]}:${code === '' ? ' connected' : code}`;
    case 'reply':
      return `is answered by a proxy:${code}`;
    case 'deny':
      return `is denied:${code === '' ? ' the connection is closed' : code}`;
    case 'blackhole':
      return `ends nowhere, since the destination is unknown:${code === '' ? ' the connection is closed' : code}`;
    case 'refuse':
      return `is refused:${code === '' ? ' no connection' : code}`;
  }
}

function whereText(destinations: readonly DestinationShare[]): string {
  const shown = destinations.map(({ share, workloads }) => {
    const names = workloads.join(' or ');
    return destinations.length === 1 && share > 0.999 ? names : `${names} (${shareText(share)})`;
  });
  return shown.length === 0 ? 'nobody' : shown.join(', ');
}

function reasonText({ kind, namespace, name, file, line }: Because): string {
  if (kind === '') return '';
  const object = `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
  return file === '' ? `  [${object}]` : `  [${object}, ${file}:${line}]`;
}
