import { choose, weightedChoice } from '../../xds/match/weighted.ts';
import {
  type FilterChain,
  type HttpConnectionManager,
  messageOf,
  type NetworkExtAuthz,
  type NetworkRbac,
  type TcpProxy,
} from '../../xds/resources.ts';
import { cut, type Ending } from './ending.ts';
import { type Alternative, NOBODY } from './explanation.ts';
import type { Held, Inside } from './held.ts';
import { askAboutConnection } from './http/ask-about-request.ts';
import { TrialNotes } from './http/ask-authorizer.ts';
import { manage } from './http/manage.ts';
import { checkRbac } from './rbac.ts';
import type { Scene } from './scene.ts';
import { kindOfOpened, kindOfTls } from './tls.ts';
import { sendOn } from './upstream/send-on.ts';
import { shareText } from './words.ts';

const NETWORK = 'envoy.extensions.filters.network';

/** Filters that say nothing about where a connection goes. */
const SILENT: ReadonlySet<string> = new Set([
  'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
  'io.istio.network.metadata_exchange.MetadataExchange',
  'envoy.tcp.metadataexchange.config.MetadataExchange',
  'stats.PluginConfig',
]);

/** The network filters of a chain, in order; the last one decides. */
export function runNetworkFilters(scene: Scene, held: Held, chain: FilterChain, came: Inside): Ending {
  const notes = new TrialNotes('network');
  const inside = notes.on(came);
  for (const { name = '', typed_config } of chain.filters ?? []) {
    const message = messageOf(typed_config?.['@type'] ?? '');
    if (message === `${NETWORK}.tcp_proxy.v3.TcpProxy`)
      return passOn(scene, held, typed_config as TcpProxy, inside);
    if (message === `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`)
      return speakHttp(scene, held, typed_config as HttpConnectionManager, inside);
    if (message === `${NETWORK}.rbac.v3.RBAC`) {
      const { rules, shadow_rules, shadow_rules_stat_prefix = '' } = typed_config as NetworkRbac;
      if (shadow_rules !== undefined)
        notes.note(shadow_rules, shadow_rules_stat_prefix, undefined, inside.peer);
      const denied = checkRbac(scene, rules, undefined, inside.peer);
      if (denied) return cut('deny', 'reset', kindOfOpened(inside.opened));
    } else if (message === `${NETWORK}.ext_authz.v3.ExtAuthz`) {
      const denied = askAboutConnection(scene, held, typed_config as NetworkExtAuthz, inside);
      if (denied) return cut('deny', 'reset', kindOfOpened(inside.opened));
    } else if (!SILENT.has(message)) notWalked(scene, name);
  }
  scene.trace.step('the filter chain has no filter that takes the connection');
  return cut('refuse', 'reset', kindOfTls(inside.connection));
}

function notWalked(scene: Scene, name: string): void {
  scene.trace.unsure.add('everything');
  scene.trace.step(`what the filter ${name} does is not told here`);
}

/** Bytes to one cluster, or one of several by weight. */
function passOn(scene: Scene, held: Held, config: TcpProxy, inside: Inside): Ending {
  const listed = (config.weighted_clusters?.clusters ?? []).map(({ name = '', weight = 0 }) => ({
    value: name,
    weight,
  }));
  const single = config.cluster ?? '';
  const choice = weightedChoice(single === '' ? listed : [{ value: single, weight: 1 }]);
  if (choice.total === 0) return cut('refuse', 'reset', kindOfTls(inside.connection));
  const weights = choice.sums.map((sum, i) => sum - (choice.sums[i - 1] ?? 0));
  const at = scene.chance.pick(weights);
  const cluster = choose(choice, (choice.sums[at] ?? 1) - 1) ?? '';
  const instead = choice.options.flatMap((option, i): Alternative[] =>
    i === at
      ? []
      : [{ what: option, why: `gets ${shareText((weights[i] ?? 0) / choice.total)}`, because: NOBODY }],
  );
  const share = instead.length === 0 ? '' : ` (${shareText((weights[at] ?? 0) / choice.total)})`;
  scene.trace.step(`the bytes are passed on to ${cluster}${share}`, NOBODY, instead);
  const { hostname = '' } = config.tunneling_config ?? {};
  if (hostname !== '') scene.trace.step(`in a tunnel that ${cluster} is asked for, to ${hostname}`);
  held.hop.cluster = cluster;
  held.hop.attempts = 1;
  const reached = sendOn(scene, held, cluster, inside.connection, inside.request, {
    hashed: (config.hash_policy ?? []).some(({ source_ip }) => source_ip !== undefined),
  });
  if (reached.kind === 'sent') return reached.ending;
  if (reached.kind === 'blackhole') return cut('blackhole', 'reset', 'none');
  held.hop.problem = reached.kind;
  return cut('refuse', 'reset', 'none');
}

function speakHttp(scene: Scene, held: Held, config: HttpConnectionManager, inside: Inside): Ending {
  const { connection, request } = inside;
  if (request !== undefined && connection.layers.length === 0 && connection.content !== 'tcp')
    return manage(scene, held, config, { ...inside, request });
  const what = connection.layers.length > 0 ? 'TLS' : 'no HTTP';
  held.hop.problem = 'protocol';
  scene.trace.step(`the filter chain expects HTTP, and the bytes are ${what}: the connection is closed`);
  return cut('refuse', 'reset', kindOfTls(connection));
}
