import { SESSION_MESSAGE } from '../../../xds/match/session-state.ts';
import {
  type AnyMessage,
  type ExtAuthz,
  type HttpConnectionManager,
  messageOf,
  type Rbac,
} from '../../../xds/resources.ts';
import { answered, type Ending } from '../ending.ts';
import type { Held, Managed } from '../held.ts';
import { checkRbac } from '../rbac.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { askAboutRequest } from './ask-about-request.ts';
import { TrialNotes } from './ask-authorizer.ts';
import { crossOrigin } from './cross-origin.ts';
import { injectFault } from './inject-fault.ts';
import { type Leaf, overrideFor } from './leaf.ts';
import { localReply } from './local-reply.ts';
import { MUTATION_MESSAGE, mutateHeaders } from './mutate-headers.ts';
import { factsOf, type Response } from './request.ts';
import { keepSession } from './session.ts';
import { valueFacts } from './value-facts.ts';

const HTTP = 'envoy.extensions.filters.http';

/** Verifies tokens: manage.ts sees to it before the route is chosen. */
export const JWT_MESSAGE = `${HTTP}.jwt_authn.v3.JwtAuthentication`;

const ASKING_MESSAGE = `${HTTP}.ext_authz.v3.ExtAuthz`;

/** Filters that neither answer a request nor decide where it goes. */
const SILENT: ReadonlySet<string> = new Set([
  JWT_MESSAGE,
  // Resolves the request's host: its cluster says where that is.
  `${HTTP}.dynamic_forward_proxy.v3.FilterConfig`,
  `${HTTP}.grpc_stats.v3.FilterConfig`,
  `${HTTP}.grpc_web.v3.GrpcWeb`,
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
  'io.istio.http.peer_metadata.Config',
  'stats.PluginConfig',
]);

interface RbacConfig {
  readonly shadow_rules?: Rbac;
  readonly shadow_rules_stat_prefix?: string;
}

/** What filters make of a request: an answer in the place of going on, or the request, and a change of the answer that comes. */
export type Filtered =
  | { readonly ending: Ending }
  | { readonly managed: Managed; readonly after: (ending: Ending) => Ending };

/** The HTTP filters of a connection manager up to its router. `leaf` is undefined where no route took the request. */
export function runHttpFilters(
  scene: Scene,
  { http_filters = [] }: HttpConnectionManager,
  leaf: Leaf | undefined,
  managed: Managed,
  held: Held,
): Filtered {
  const changes: ((response: Response) => Response)[] = [];
  const notes = new TrialNotes('http');
  let now = notes.on(managed);
  for (const { name = '', typed_config, disabled = false } of http_filters) {
    const message = messageOf(typed_config?.['@type'] ?? '');
    const override = overrideFor(leaf, name);
    if (message === `${HTTP}.router.v3.Router` || override === 'disabled') continue;
    if (disabled && override === undefined) continue;
    const config = override ?? typed_config ?? { '@type': '' };
    if (message === MUTATION_MESSAGE) {
      const own = typed_config ?? config;
      const at = now;
      const facts = valueFacts(scene, leaf, at, undefined);
      const headers = mutateHeaders(at.request.headers, own, name, leaf, 'request', facts);
      now = { ...at, request: { ...at.request, headers } };
      changes.push((response) => ({
        ...response,
        headers: mutateHeaders(
          response.headers,
          own,
          name,
          leaf,
          'response',
          valueFacts(scene, leaf, at, response),
        ),
      }));
      continue;
    }
    if (message === SESSION_MESSAGE) {
      const change = keepSession(scene, config, now.request, held.hop);
      if (change !== undefined) changes.push(change);
      continue;
    }
    if (message === ASKING_MESSAGE) {
      // A route says to an authorizer's filter only that it is on: whom it asks stands in the chain.
      const judgement = askAboutRequest(scene, held, (typed_config ?? config) as ExtAuthz, now);
      if (judgement === undefined) continue;
      if ('ending' in judgement) return { ending: changed(judgement.ending, changes) };
      now = { ...now, request: judgement.request };
      changes.push(judgement.change);
      continue;
    }
    const outcome = runFilter(scene, message, name, config, now, notes, leaf?.cluster ?? '');
    if (typeof outcome === 'function') changes.push(outcome);
    else if (outcome !== undefined) return { ending: changed(outcome, changes) };
  }
  return { managed: { ...managed, request: now.request }, after: (ending) => changed(ending, changes) };
}

function changed(ending: Ending, changes: readonly ((response: Response) => Response)[]): Ending {
  const { response } = ending;
  if (response === undefined) return ending;
  return { ...ending, response: changes.reduceRight((now, change) => change(now), response) };
}

function runFilter(
  scene: Scene,
  message: string,
  name: string,
  config: AnyMessage,
  managed: Managed,
  notes: TrialNotes,
  cluster: string,
): Ending | ((response: Response) => Response) | undefined {
  const { request, peer, opened } = managed;
  const reply = (response: Response | undefined): Ending | undefined =>
    response && answered('reply', response, kindOfOpened(opened));
  if (message === `${HTTP}.fault.v3.HTTPFault`) return reply(injectFault(scene, config, request, cluster));
  if (message === `${HTTP}.cors.v3.Cors`) {
    const outcome = crossOrigin(scene, config, request);
    return typeof outcome === 'function' ? outcome : reply(outcome);
  }
  if (message === `${HTTP}.rbac.v3.RBAC`) {
    const rules = config['rbac'] === undefined ? config : (config['rbac'] as AnyMessage);
    const { shadow_rules, shadow_rules_stat_prefix } = rules as RbacConfig;
    if (shadow_rules !== undefined)
      notes.note(shadow_rules, shadow_rules_stat_prefix ?? '', factsOf(request), peer);
    if (!checkRbac(scene, rules['rules'], factsOf(request), peer)) return undefined;
    return answered(
      'deny',
      localReply(request, 403, 'RBAC: access denied', 'rbac_access_denied'),
      kindOfOpened(opened),
    );
  }
  if (!SILENT.has(message)) {
    scene.trace.unsure.add('everything');
    scene.trace.step(`what the filter ${name} does is not told here`);
  }
  return undefined;
}
