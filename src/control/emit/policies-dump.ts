import type { AnyMessage, FilterChain, HttpConnectionManager, Listener, Rbac } from '../../xds/resources.ts';

/** One set of rules as it stands in a filter chain. */
interface DumpedRules {
  readonly listener: string;
  readonly filter_chain: string;
  readonly filter: string;
  /** `ALLOW`, `DENY`, `LOG`. */
  readonly action: string;
  /** False: they only tell what they would do. */
  readonly enforced: boolean;
  /** By `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`. */
  readonly policies: Rbac['policies'];
}

/** Whose tokens a filter chain verifies. */
interface DumpedTokens {
  readonly listener: string;
  readonly filter_chain: string;
  readonly issuers: readonly string[];
}

/** What a filter chain asks of its clients. */
interface DumpedTls {
  readonly listener: string;
  readonly filter_chain: string;
  readonly tls: 'mutual' | 'simple' | 'none';
}

/** The policies that a proxy's listeners hold: an addition of weft's to Envoy's parts of a config_dump. */
export function policiesDump(
  listeners: readonly { readonly name: string; readonly object: Listener }[],
): AnyMessage {
  const rules: DumpedRules[] = [];
  const tokens: DumpedTokens[] = [];
  const transport: DumpedTls[] = [];
  for (const { name: listener, object } of listeners)
    for (const chain of chainsOf(object)) {
      const place = { listener, filter_chain: chain.name ?? '' };
      for (const { name = '', typed_config } of filtersOf(chain)) {
        rules.push(...rulesOf(typed_config).map((one) => ({ ...place, filter: name, ...one })));
        const issuers = issuersOf(typed_config);
        if (issuers.length > 0) tokens.push({ ...place, issuers });
      }
      if (object.traffic_direction === 'INBOUND') transport.push({ ...place, tls: tlsOf(chain) });
    }
  return { '@type': 'type.googleapis.com/weft.admin.PoliciesConfigDump', rules, tokens, transport };
}

function chainsOf({ filter_chains = [], default_filter_chain }: Listener): readonly FilterChain[] {
  return default_filter_chain === undefined ? filter_chains : [...filter_chains, default_filter_chain];
}

interface Filter {
  readonly name?: string;
  readonly typed_config?: AnyMessage;
}

/** Network filters, and the HTTP filters in them. */
function filtersOf({ filters = [] }: FilterChain): readonly Filter[] {
  return filters.flatMap((filter) => [
    filter,
    ...((filter.typed_config as HttpConnectionManager | undefined)?.http_filters ?? []),
  ]);
}

function rulesOf(
  config: AnyMessage | undefined,
): readonly Pick<DumpedRules, 'action' | 'enforced' | 'policies'>[] {
  const { rules, shadow_rules } = (config ?? {}) as { readonly rules?: Rbac; readonly shadow_rules?: Rbac };
  if (config === undefined || !/\.rbac\.v3\.RBAC$/.test(config['@type'])) return [];
  return [
    ...(rules === undefined ? [] : [{ ...partsOf(rules), enforced: true }]),
    ...(shadow_rules === undefined ? [] : [{ ...partsOf(shadow_rules), enforced: false }]),
  ];
}

function partsOf({ action = 'ALLOW', policies }: Rbac): Pick<DumpedRules, 'action' | 'policies'> {
  return { action: String(action), policies };
}

function issuersOf(config: AnyMessage | undefined): readonly string[] {
  const { providers } = (config ?? {}) as {
    readonly providers?: Readonly<Record<string, { readonly issuer?: string }>>;
  };
  if (config === undefined || !/\.jwt_authn\.v3\.JwtAuthentication$/.test(config['@type'])) return [];
  return [...new Set(Object.values(providers ?? {}).map(({ issuer = '' }) => issuer))].sort();
}

function tlsOf({ transport_socket }: FilterChain): DumpedTls['tls'] {
  const config = transport_socket?.typed_config as
    | { readonly require_client_certificate?: boolean }
    | undefined;
  if (config === undefined) return 'none';
  return config.require_client_certificate === true ? 'mutual' : 'simple';
}
