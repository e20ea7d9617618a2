import type { ProxyDefaults } from '../../api/istio/mesh-config/proxy-defaults.ts';
import { overProxyDefaults } from '../../api/istio/proxy-config-annotation.ts';
import type { MeshSettings } from '../../mesh/settings.ts';
import { meshSettings, proxySettings, writtenMeshConfig } from './mesh-settings.ts';
import { view, viewKeyOf } from './views.ts';
import { type Read, step } from './world.ts';

// The mesh's settings as they are for one proxy, whose Pod may say other ones (proxy.istio.io/config).

/** The settings of the proxies of a view, by its key. */
export const settingsOfView = step('settings of a view', (read, viewKey): MeshSettings => {
  const mesh = read.of(meshSettings, '');
  const { proxyConfig } = read.of(view, viewKey);
  if (proxyConfig === '') return mesh;
  const own = JSON.parse(proxyConfig) as ProxyDefaults;
  const merged = overProxyDefaults(read.of(writtenMeshConfig, '').defaultConfig ?? {}, own);
  return { ...mesh, ...proxySettings(merged) };
});

/** The settings of one proxy, by its key. */
export function settingsOfProxy(read: Read, key: string): MeshSettings {
  return read.of(settingsOfView, read.of(viewKeyOf, key));
}
