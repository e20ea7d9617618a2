import type { ExtAuthz } from '../../../xds/resources.ts';
import { answered, type Ending } from '../ending.ts';
import type { Held, Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { Trace } from '../trace.ts';
import { sendOn } from '../upstream/send-on.ts';
import { isAsked } from './ask-authorizer.ts';
import { localReply } from './local-reply.ts';

/**
 * Somebody outside of the mesh's rules may be asked about the request. Where the question goes is walked: nobody to ask
 * is a no. An application that is asked over HTTP is taken to say yes, as all are taken to answer 200; what one says
 * over gRPC is not known here.
 */
export function askAboutRequest(
  scene: Scene,
  held: Held,
  config: ExtAuthz,
  managed: Managed,
): Ending | undefined {
  const { connection, request } = managed;
  if (!isAsked(config, managed)) return undefined;
  const { http_service: http, grpc_service: grpc } = config;
  const cluster = http?.server_uri?.cluster ?? grpc?.envoy_grpc?.cluster_name ?? '';
  const question = {
    ...request,
    ...(http === undefined
      ? { method: 'POST', path: '/envoy.service.auth.v3.Authorization/Check', authority: cluster }
      : { path: `${http.path_prefix ?? ''}${request.path}` }),
  };
  const aside = { ...scene, depth: scene.depth + 1, trace: new Trace() };
  const reached = sendOn(
    aside,
    { ...held, side: 'outbound', hop: { ...held.hop } },
    cluster,
    connection,
    question,
  );
  const ending = reached.kind === 'sent' ? reached.ending : undefined;
  const said = ending?.response;
  if (said === undefined || said.status >= 500) return failed(scene, config, managed, cluster);
  if (ending?.arrival === undefined && said.status !== 200) {
    scene.trace.step(`${cluster} is asked whether it may pass, and the answer is ${said.status}`);
    const reply = localReply(request, said.status, said.body ?? '', 'ext_authz_denied');
    return answered('deny', reply, kindOfOpened(managed.opened));
  }
  if (http !== undefined) {
    scene.trace.step(`${cluster} is asked whether it may pass: if it says yes`);
    return undefined;
  }
  scene.trace.unsure.add('everything');
  scene.trace.step(`${cluster} is asked whether it may pass; what it says is not known here`);
  return undefined;
}

/** Nobody answers. */
function failed(
  scene: Scene,
  { failure_mode_allow: passes, status_on_error }: ExtAuthz,
  { request, opened }: Managed,
  cluster: string,
): Ending | undefined {
  const code = status_on_error?.code;
  const status = STATUS_ON_ERROR[String(code)] ?? (typeof code === 'number' ? code : FORBIDDEN);
  scene.trace.step(
    `${cluster} cannot be asked whether it may pass: ${passes ? 'it does' : `the proxy answers ${status}`}`,
  );
  if (passes) return undefined;
  return answered('deny', localReply(request, status, '', 'ext_authz_error'), kindOfOpened(opened));
}

const FORBIDDEN = 403;
const STATUS_ON_ERROR: Readonly<Record<string, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: FORBIDDEN,
  NotFound: 404,
  TooManyRequests: 429,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
};
