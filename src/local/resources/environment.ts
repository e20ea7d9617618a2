import type { EnvVar } from './objects.ts';

// The environment of an application, as kubelet makes it from a container's `env`. Pure.

/** What fieldRef can ask about a pod. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly hostAddress: string;
  readonly nodeName: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Variables of the platform's own environment that an application gets, so that programs are found and can write. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** What an application starts from before its own `env`. `own` is the platform's environment. */
export function baseEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  hostname: string,
): Record<string, string> {
  const env: Record<string, string> = { HOSTNAME: hostname };
  for (const name of INHERITED) {
    const value = own[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/**
 * The variables of a container in order. `$(NAME)` in a value stands for a variable given before (of `base` too), `$$(`
 * for itself. A field that cannot be told gives a problem and no variable.
 */
export function containerEnvironment(
  vars: readonly EnvVar[],
  facts: PodFacts,
  base: Readonly<Record<string, string>>,
): { readonly env: Record<string, string>; readonly problems: readonly string[] } {
  const env: Record<string, string> = { ...base };
  const problems: string[] = [];
  for (const variable of vars) {
    const value = 'field' in variable ? fieldOf(facts, variable.field) : expand(variable.value, env);
    if (value === undefined)
      problems.push(`env ${variable.name}: no field "${'field' in variable ? variable.field : ''}"`);
    else env[variable.name] = value;
  }
  return { env, problems };
}

function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? whole),
  );
}

function fieldOf(facts: PodFacts, field: string): string | undefined {
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(field) ?? [];
  if (map !== undefined) return facts[map === 'labels' ? 'labels' : 'annotations'][key] ?? '';
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': facts.name,
    'metadata.namespace': facts.namespace,
    'metadata.uid': facts.uid,
    'spec.nodeName': facts.nodeName,
    'spec.serviceAccountName': facts.serviceAccount,
    'status.hostIP': facts.hostAddress,
    'status.podIP': facts.address,
    'status.podIPs': facts.address,
  };
  return fields[field];
}
