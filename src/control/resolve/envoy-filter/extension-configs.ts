import type { EnvoyPatch } from './patch.ts';

// Filters whose configuration comes under a name (config_discovery), put together with the configurations that other
// patches bring (EXTENSION_CONFIG): what Istio's proxies fetch is here part of what they get.

interface Discovery {
  readonly config_source?: { readonly ads?: object; readonly [source: string]: unknown };
  readonly default_config?: object;
  readonly type_urls?: readonly string[];
}

/** Patches of filters with their configurations in them. A filter without one is not put in. */
export function withExtensionConfigs(patches: readonly EnvoyPatch[]): readonly EnvoyPatch[] {
  const configs = patches.filter(({ applyTo }) => applyTo === 'EXTENSION_CONFIG');
  if (configs.length === 0 && !patches.some(({ value }) => asksControlPlane(value))) return patches;
  const byName = new Map(configs.map((patch) => [String(patch.value['name']), patch.value]));
  return patches.flatMap((patch): EnvoyPatch[] => {
    if (patch.applyTo === 'EXTENSION_CONFIG') return [];
    if (!asksControlPlane(patch.value)) return [patch];
    const { config_discovery, ...rest } = patch.value;
    const { default_config } = config_discovery as Discovery;
    const typed_config = byName.get(String(rest['name']))?.['typed_config'] ?? default_config;
    return typed_config === undefined ? [] : [{ ...patch, value: { ...rest, typed_config } }];
  });
}

/** Whether a filter's configuration is to come from the control plane under the filter's name. */
export function asksControlPlane(value: EnvoyPatch['value']): boolean {
  return (value['config_discovery'] as Discovery | undefined)?.config_source?.ads !== undefined;
}

/** Whether a filter can do without the control plane's answer. */
export function hasDefault(value: EnvoyPatch['value']): boolean {
  return (value['config_discovery'] as Discovery | undefined)?.default_config !== undefined;
}
