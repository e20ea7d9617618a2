import { removeHeader, setHeader } from '../../../../wire/headers.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { PEER_HEADER } from '../../../observe/peer-header.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { Forwarding, RoutedStream, Terminal } from '../../../stream/routed-stream.ts';
import type { TerminalKind, TerminalParts } from '../../../stream/terminal-kind.ts';
import { ANY_CONTEXT } from '../../../upstream/pick-context.ts';
import { lowerRouter, ROUTER_MESSAGE, type RouterConfig } from './config.ts';
import type { RouterEnvironment } from './forwarded-request.ts';
import { Mirror } from './mirror.ts';
import { RouterStream } from './router-stream.ts';

/** The router, as the end of chains. */
export const routerKind: TerminalKind = {
  message: ROUTER_MESSAGE,
  lower(message, context) {
    const config = lowerRouter(message, context);
    return (parts) => createRouter(config, parts);
  },
};

/** The end of a chain: forwards streams to clusters. */
function createRouter(config: RouterConfig, parts: TerminalParts): Terminal {
  const { introduction } = parts;
  const router: RouterEnvironment = {
    config,
    deadlines: parts.deadlines,
    explains: parts.explains,
    maxStreamMs: parts.maxStreamMs,
    cluster: parts.cluster,
    mirror: (stream, action) => startMirrors(stream, action, parts),
    introduce(headers, endpoint) {
      if (introduction === '') return;
      if (endpoint.tls?.mutual) setHeader(headers, PEER_HEADER, introduction);
      else removeHeader(headers, PEER_HEADER);
    },
  };
  return {
    start(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf): Forwarding {
      const forwarding = new RouterStream(stream, action, leaf, router);
      forwarding.start();
      return forwarding;
    },
  };
}

function startMirrors(stream: RoutedStream, action: ForwardAction, parts: TerminalParts): readonly Mirror[] {
  return action.mirrors.flatMap((policy) => {
    if (!isInShare(policy.share, stream.random.uint32())) return [];
    const cluster = parts.cluster(policy.cluster || (stream.request.header(policy.clusterHeader) ?? ''));
    const endpoint = cluster?.pick(ANY_CONTEXT);
    if (cluster === undefined || endpoint === undefined) return [];
    return [new Mirror(stream, cluster, endpoint, policy, action)];
  });
}
