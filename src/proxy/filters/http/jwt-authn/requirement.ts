import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type Checked, checkTokens, type Outcome, removeClaims, type TokenRules } from './check-token.ts';
import { bareAudience, type Provider } from './provider.ts';

/** What a request must have, as a function. */
export type Requirement = (checked: Checked) => Outcome;

export type Providers = ReadonlyMap<string, Provider>;

/** JwtRequirement. */
export interface RequirementMessage {
  readonly provider_name?: string;
  readonly provider_and_audiences?: {
    readonly provider_name?: string;
    readonly audiences?: readonly string[];
  };
  readonly requires_any?: { readonly requirements?: readonly RequirementMessage[] };
  readonly requires_all?: { readonly requirements?: readonly RequirementMessage[] };
  readonly allow_missing?: object;
  readonly allow_missing_or_failed?: object;
}

/** Headers that only this filter may write are gone before any token is looked at, whichever is. */
export function readRequirement(
  message: RequirementMessage,
  providers: Providers,
  refuse: Refuse,
  field: string,
): Requirement {
  const test = readInner(message, [...providers.values()], providers, refuse, field);
  const all = [...providers.values()];
  return (checked) => {
    removeClaims(checked, all);
    return test(checked);
  };
}

/** `around`: whose tokens allow_missing and allow_missing_or_failed speak of. */
function readInner(
  message: RequirementMessage,
  around: readonly Provider[],
  providers: Providers,
  refuse: Refuse,
  field: string,
): Requirement {
  const { provider_name, provider_and_audiences, requires_any, requires_all, ...more } = message;
  const { allow_missing, allow_missing_or_failed, ...rest } = more;
  refuseRest(refuse, field, rest);
  const strict = { audiences: [], allowMissing: false, allowFailed: false };
  const tokens =
    (rules: TokenRules): Requirement =>
    (checked) =>
      checkTokens(checked, rules);
  if (provider_name !== undefined)
    return tokens({ ...strict, providers: providerNamed(provider_name, providers, refuse, field) });
  if (provider_and_audiences !== undefined) {
    const { provider_name: name = '', audiences = [] } = provider_and_audiences;
    const named = providerNamed(name, providers, refuse, fieldIn(field, 'provider_and_audiences'));
    return tokens({ ...strict, providers: named, audiences: audiences.map(bareAudience) });
  }
  if (requires_any !== undefined)
    return readAny(requires_any.requirements ?? [], providers, refuse, fieldIn(field, 'requires_any'));
  if (requires_all !== undefined) {
    const place = fieldIn(field, 'requires_all');
    const all = (requires_all.requirements ?? []).map((one, i) =>
      readInner(one, around, providers, refuse, `${place}.requirements[${i}]`),
    );
    return (checked) => inOrder(all, checked, (outcome) => outcome !== undefined);
  }
  if (allow_missing_or_failed !== undefined)
    return tokens({ audiences: [], providers: around, allowMissing: true, allowFailed: true });
  if (allow_missing !== undefined) return tokens({ ...strict, providers: around, allowMissing: true });
  return () => undefined;
}

/** What lets go by comes last, and only the more generous of it; it speaks of the tokens of the others. */
function readAny(
  messages: readonly RequirementMessage[],
  providers: Providers,
  refuse: Refuse,
  field: string,
): Requirement {
  const used = messages.flatMap((one) => providers.get(nameIn(one)) ?? []);
  const around = used.length > 0 ? used : [...providers.values()];
  const isBypass = (one: RequirementMessage): boolean =>
    one.allow_missing !== undefined || one.allow_missing_or_failed !== undefined;
  const read = (one: RequirementMessage): Requirement =>
    readInner(one, around, providers, refuse, `${field}.requirements[${messages.indexOf(one)}]`);
  const bypasses = messages.filter(isBypass);
  const bypass = bypasses.find((one) => one.allow_missing_or_failed !== undefined) ?? bypasses[0];
  const tests = messages.filter((one) => !isBypass(one)).map(read);
  if (bypass !== undefined) tests.push(read(bypass));
  return (checked) => inOrder(tests, checked, (outcome) => outcome === undefined);
}

function nameIn({ provider_name, provider_and_audiences }: RequirementMessage): string {
  return provider_name ?? provider_and_audiences?.provider_name ?? '';
}

function providerNamed(name: string, providers: Providers, refuse: Refuse, field: string): Provider[] {
  const found = providers.get(name);
  if (found === undefined) refuse(fieldIn(field, 'provider_name'), `there is no provider '${name}'`);
  return found === undefined ? [] : [found];
}

/** One after the other up to the first whose outcome decides; the last one's where none does. Waits only if it must. */
function inOrder(
  tests: readonly Requirement[],
  checked: Checked,
  decides: (outcome: Awaited<Outcome>) => boolean,
  from = 0,
): Outcome {
  let last: Awaited<Outcome>;
  for (let i = from; i < tests.length; i++) {
    const outcome = tests[i]?.(checked);
    if (outcome instanceof Promise)
      return outcome.then((known) =>
        decides(known) || i + 1 === tests.length ? known : inOrder(tests, checked, decides, i + 1),
      );
    if (decides(outcome)) return outcome;
    last = outcome;
  }
  return last;
}
