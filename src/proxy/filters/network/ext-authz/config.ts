import { compileMetadataMatcher } from '../../../../xds/match/metadata-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type { Counter, Gauge, StatScope } from '../../../observe/stat-scope.ts';
import type { Downstream, FilterContext, Runtime } from '../../../runtime.ts';
import type { StreamPeer } from '../../../stream/connection-view.ts';
import { addressOf, CHECK } from '../../http/authorization-check.ts';
import { callGrpc, type GrpcServiceConfig, readGrpcService } from '../../http/grpc-call.ts';
import type { ConnectionCheck, Refusal } from '../connection-check.ts';

export const EXT_AUTHZ_MESSAGE = 'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz';

/** Envoy's own where the configuration says nothing. */
const TIMEOUT_MS = 200;

interface Message {
  readonly stat_prefix?: string;
  readonly grpc_service?: object;
  readonly failure_mode_allow?: boolean;
  readonly include_peer_certificate?: boolean;
  readonly include_tls_session?: boolean;
  readonly transport_api_version?: string;
  readonly filter_enabled_metadata?: Parameters<typeof compileMetadataMatcher>[0];
}

interface Config {
  readonly service: GrpcServiceConfig;
  readonly failureAllows: boolean;
  readonly tellsCertificate: boolean;
  readonly tellsTlsSession: boolean;
  readonly enabledBy: ReturnType<typeof compileMetadataMatcher> | undefined;
}

interface Answer {
  readonly status?: { readonly code?: number };
}

/**
 * extensions.filters.network.ext_authz.v3.ExtAuthz: somebody else decides whether a connection may go on. Asked before a
 * byte of it is read and before the upstream is called; no answer is a no, unless `failure_mode_allow` says otherwise.
 */
export function readNetworkExtAuthz(
  message: AnyMessage,
  { runtime }: FilterContext,
  refuse: Refuse,
  field: string,
): ConnectionCheck {
  const { '@type': _type, ...fields } = message;
  const { stat_prefix = '', ...others } = fields as Message;
  if (stat_prefix === '') refuse(fieldIn(field, 'stat_prefix'), 'is missing');
  const config = readConfig(others, refuse, field);
  const stats = new AuthzStats(runtime.metrics.scope(`ext_authz.${stat_prefix}.`));
  return {
    asks: true,
    clusterNames: [config.service.cluster],
    judge(downstream, peer) {
      const { enabledBy } = config;
      if (enabledBy === undefined || enabledBy((filter) => peer.metadata(filter)))
        return ask(config, stats, downstream, peer, runtime);
      stats.disabled.value++;
      return undefined;
    },
  };
}

function readConfig(message: Omit<Message, 'stat_prefix'>, refuse: Refuse, field: string): Config {
  const { grpc_service, failure_mode_allow, include_peer_certificate, ...more } = message;
  // There is only one version of the transport.
  const { include_tls_session, filter_enabled_metadata, transport_api_version: _v3, ...rest } = more;
  refuseRest(refuse, field, rest);
  return {
    service: readGrpcService(grpc_service, TIMEOUT_MS, refuse, fieldIn(field, 'grpc_service')),
    failureAllows: failure_mode_allow === true,
    tellsCertificate: include_peer_certificate === true,
    tellsTlsSession: include_tls_session === true,
    enabledBy:
      filter_enabled_metadata &&
      compileMetadataMatcher(filter_enabled_metadata, refuse, fieldIn(field, 'filter_enabled_metadata')),
  };
}

/** `ext_authz.PREFIX.` */
class AuthzStats {
  readonly total: Counter;
  readonly ok: Counter;
  readonly denied: Counter;
  readonly error: Counter;
  readonly disabled: Counter;
  readonly failure_mode_allowed: Counter;
  readonly cx_closed: Counter;
  readonly active: Gauge;

  constructor(scope: StatScope) {
    this.total = scope.counter('total');
    this.ok = scope.counter('ok');
    this.denied = scope.counter('denied');
    this.error = scope.counter('error');
    this.disabled = scope.counter('disabled');
    this.failure_mode_allowed = scope.counter('failure_mode_allowed');
    this.cx_closed = scope.counter('cx_closed');
    this.active = scope.gauge('active');
  }
}

async function ask(
  config: Config,
  stats: AuthzStats,
  downstream: Downstream,
  peer: StreamPeer,
  { cluster, clock }: Pick<Runtime, 'cluster' | 'clock'>,
): Promise<Refusal> {
  const { service, failureAllows } = config;
  stats.total.value++;
  stats.active.value++;
  const question = questionOf(config, downstream, peer);
  const answer = await callGrpc<Answer>(cluster(service.cluster), service, CHECK, question, clock);
  stats.active.value--;
  if (answer.ok && (answer.value.status?.code ?? 0) === 0) {
    stats.ok.value++;
    return undefined;
  }
  stats[answer.ok ? 'denied' : 'error'].value++;
  if (!answer.ok && failureAllows) {
    stats.failure_mode_allowed.value++;
    return undefined;
  }
  stats.cx_closed.value++;
  return answer.ok ? 'ext_authz_denied' : 'ext_authz_error';
}

/** service.auth.v3.CheckRequest: who connects to whom. */
function questionOf(
  { tellsCertificate, tellsTlsSession }: Config,
  { remote, local, tls }: Downstream,
  { principals }: StreamPeer,
): object {
  const [principal = ''] = principals;
  const certificate = tellsCertificate ? tls?.peer?.pem : undefined;
  return {
    attributes: {
      source: {
        address: addressOf(remote),
        ...(principal !== '' && { principal }),
        ...(certificate !== undefined && { certificate: encodeURIComponent(certificate) }),
      },
      destination: { address: addressOf(local), ...(tls?.localUri && { principal: tls.localUri }) },
      metadata_context: {},
      ...(tellsTlsSession && tls !== undefined && { tls_session: { sni: tls.sni } }),
    },
  };
}
