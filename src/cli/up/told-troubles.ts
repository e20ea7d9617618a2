import type { ObjectReport, StatusReport } from '../../server/contract.ts';

// What the control plane has against the configuration, told beside what happens on the platform: each thing once.

/** How often it is asked. */
const POLL_MS = 3_000;

/** Sentences for all that is wrong or odd in the configuration: what is refused, and what has no effect. */
export function troublesOf({ configuration }: Pick<StatusReport, 'configuration'>): readonly string[] {
  return configuration.flatMap((one) =>
    one.errors.map(({ field, message, line }) => {
      const where = field === '' ? '' : `${field}: `;
      return `${one.file}:${line}: ${nameOf(one)}${stateText(one)}: ${where}${message}`;
    }),
  );
}

function nameOf({ kind, namespace, name }: ObjectReport): string {
  return kind === '' ? 'a document' : `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
}

function stateText({ state }: ObjectReport): string {
  if (state === 'stale') return ' is not valid, its last good version counts';
  return state === 'invalid' ? ' is not valid' : '';
}

/** Asks until it is stopped; `tell` hears each sentence when it becomes true, and again only after it was not. */
export function watchTroubles(
  ask: () => Promise<Pick<StatusReport, 'configuration' | 'revision'>>,
  tell: (sentence: string) => void,
  pollMs = POLL_MS,
): { stop(): void } {
  let told = new Set<string>();
  let seen: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const status = await ask().catch(() => undefined);
    if (stopped) return;
    if (status !== undefined) {
      const now = troublesOf(status);
      if (now.join('\n') !== seen) for (const sentence of now) if (!told.has(sentence)) tell(sentence);
      seen = now.join('\n');
      told = new Set(now);
    }
    timer = setTimeout(() => void look(), pollMs);
    timer.unref();
  };
  void look();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
