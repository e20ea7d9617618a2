import type { Clock } from '../../lib/clock.ts';
import type { DenialReport } from '../../server/contract.ts';
import type { GrpcServerCall } from '../../wire/grpc/server-call.ts';
import { GRPC_CODE } from '../../wire/grpc/status.ts';
import { decode } from '../../xds/decode.ts';
import { DENIAL_LOG, type NodeId, parseNodeId } from '../../xds/names.ts';
import type { Node } from '../../xds/resources.ts';
import { type Compiled, readOf } from '../compile.ts';
import { authorization } from '../resolve/authorization/policies.ts';
import { meshSettings } from '../resolve/mesh-settings.ts';
import { subjectKey } from '../resolve/policy-attachment.ts';
import { proxy, proxyKey } from '../resolve/proxies.ts';
import { jwtRules } from '../resolve/request-authentications.ts';
import { Allowance, DENIAL_LIMITS, type DenialRing } from './denial-ring.ts';
import { callOf, cut, type LogEntry, type LoggedCall } from './entry.ts';
import { judge, type PoliciesThere } from './judge.ts';

/** What a call of a proxy is answered with. */
export interface DenialListener {
  readonly ring: DenialRing;
  readonly clock: Clock;
  /** The mesh as it is now. */
  readonly compiled: () => Compiled;
  /** Why the caller may not be this proxy; undefined: it may. */
  readonly refusal: (node: NodeId) => string | undefined;
  readonly onError: (error: unknown) => void;
}

interface Message {
  readonly identifier?: { readonly node?: Node; readonly log_name?: string };
  readonly http_logs?: { readonly log_entry?: readonly LogEntry[] };
  readonly tcp_logs?: { readonly log_entry?: readonly LogEntry[] };
}

const MESSAGE = 'envoy.service.accesslog.v3.StreamAccessLogsMessage';

let open = 0;

/** Hears a proxy out (envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs). */
export function serveDenials(call: GrpcServerCall, listener: DenialListener): void {
  if (open >= DENIAL_LIMITS.maxCalls) {
    call.end(GRPC_CODE.RESOURCE_EXHAUSTED, 'too many calls');
    return;
  }
  open++;
  const { clock, ring } = listener;
  const allowance = new Allowance(clock.monotonicMs());
  let node: NodeId | undefined;
  const take = (entry: LogEntry): void => {
    if (node === undefined) return;
    if (!allowance.take(clock.monotonicMs())) ring.drop(1);
    else for (const denial of denialsOf(entry, node, listener)) ring.add(denial);
  };
  call.handle({
    onMessage(bytes) {
      try {
        const message = decode<Message>(MESSAGE, bytes);
        if (node === undefined) {
          const problem = 'the first message names no proxy and its log of denials';
          node = nodeOf(message);
          if (node === undefined) return call.end(GRPC_CODE.INVALID_ARGUMENT, problem);
        }
        const refusal = listener.refusal(node);
        if (refusal !== undefined) return call.end(GRPC_CODE.PERMISSION_DENIED, refusal);
        for (const { log_entry = [] } of [message.http_logs ?? {}, message.tcp_logs ?? {}])
          for (const entry of log_entry) take(entry);
      } catch (error) {
        listener.onError(error);
        call.end(GRPC_CODE.INVALID_ARGUMENT, 'the message cannot be read');
      }
    },
    onEnd: () => call.end(GRPC_CODE.OK, ''),
    onClose() {
      open--;
    },
  });
}

function nodeOf({ identifier }: Message): NodeId | undefined {
  if (identifier?.log_name !== DENIAL_LOG) return undefined;
  return parseNodeId(identifier.node?.id ?? '');
}

/** An entry of the log as what policies denied; mostly one, none where it was the application's own refusal. */
function denialsOf(entry: LogEntry, node: NodeId, { clock, compiled }: DenialListener): DenialReport[] {
  const call = callOf(entry, clock.nowMs());
  if (call.details === 'via_upstream' && !call.peer.metadata('envoy.filters.http.rbac')) return [];
  const there = policiesAt(node, compiled());
  return judge(call, there).map((reasons) => ({ ...whereAndWho(call, node, there.workload), ...reasons }));
}

function policiesAt(node: NodeId, compiled: Compiled): PoliciesThere & { readonly workload: string } {
  const read = readOf(compiled);
  const { type, ip, name, namespace } = node;
  const { labels, workload } = read.of(proxy, proxyKey({ type, ip, name, namespace, labels: {} }));
  const subject = subjectKey({ namespace, labels });
  return {
    workload: `${namespace}/${workload?.owner ?? name}`,
    authorization: read.of(authorization, subject),
    tokens: read.of(jwtRules, subject),
    settings: read.of(meshSettings, ''),
    locate: compiled.locate,
  };
}

function whereAndWho({ id, atMs, status, request, peer }: LoggedCall, node: NodeId, workload: string) {
  return {
    id,
    atMs,
    proxy: `${node.name}.${node.namespace}`,
    workload,
    protocol: request === undefined ? ('tcp' as const) : ('http' as const),
    status,
    port: peer.destinationPort,
    caller: { principal: cut(peer.principals[0] ?? ''), address: cut(peer.remoteAddress) },
    ...(request && {
      request: { method: cut(request.method), host: cut(request.authority), path: cut(request.path) },
    }),
  };
}
