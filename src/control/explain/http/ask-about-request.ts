import { compileStringMatcher } from '../../../xds/match/string-matcher.ts';
import type { ExtAuthz, NetworkExtAuthz, StringMatcher } from '../../../xds/resources.ts';
import type { Connection } from '../connection.ts';
import { answered, type Ending } from '../ending.ts';
import type { Held, Inside, Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { Trace } from '../trace.ts';
import { sendOn } from '../upstream/send-on.ts';
import { isAsked } from './ask-authorizer.ts';
import { localReply } from './local-reply.ts';
import { type Headers, type Request, type Response, withHeader } from './request.ts';

/** What an authorizer says of a request: the end, or how it and the answer to it are changed. */
export type Judgement =
  | { readonly ending: Ending }
  | { readonly request: Request; readonly change: (response: Response) => Response };

/**
 * Somebody outside of the mesh's rules may be asked about the request. Where the question goes is walked: nobody to ask
 * is a no. An application that is asked is taken to say yes, as all are taken to answer 200.
 */
export function askAboutRequest(
  scene: Scene,
  held: Held,
  config: ExtAuthz,
  managed: Managed,
): Judgement | undefined {
  const { connection, request, opened } = managed;
  if (!isAsked(config, managed)) return undefined;
  const { http_service: http } = config;
  const cluster = clusterOf(config);
  const question = http === undefined ? grpcQuestion(cluster) : httpQuestion(config, request);
  const ending = walk(scene, held, connection, cluster, question);
  const said = ending?.response;
  // Over gRPC every answer but an application's is a failure, a proxy's no among them.
  const answers = http === undefined ? ending?.arrival !== undefined : (said?.status ?? 500) < 500;
  if (said === undefined || !answers) return failed(scene, config, managed, cluster);
  if (ending?.arrival === undefined && said.status !== 200) {
    scene.trace.step(`${cluster} is asked whether it may pass, and the answer is ${said.status}`);
    const reply = localReply(request, said.status, said.body ?? '', 'ext_authz_denied');
    const { allowed_client_headers } = http?.authorization_response ?? {};
    const headers = [...reply.headers, ...chosen(said.headers, allowed_client_headers)];
    return { ending: answered('deny', { ...reply, headers }, kindOfOpened(opened)) };
  }
  scene.trace.step(`${cluster} is asked whether it may pass: if it says yes`);
  return allowed(request, said, http?.authorization_response ?? {});
}

/** About a connection; true where it may not go on. */
export function askAboutConnection(
  scene: Scene,
  held: Held,
  config: NetworkExtAuthz,
  inside: Inside,
): boolean {
  if (!isAsked(config, inside)) return false;
  const cluster = clusterOf(config);
  const ending = walk(scene, held, inside.connection, cluster, grpcQuestion(cluster));
  if (ending?.arrival !== undefined && ending.response !== undefined) {
    scene.trace.step(`${cluster} is asked whether it may pass: if it says yes`);
    return false;
  }
  const passes = config.failure_mode_allow === true;
  scene.trace.step(
    `${cluster} cannot be asked whether it may pass: ${passes ? 'it does' : 'the proxy closes it'}`,
  );
  return !passes;
}

function clusterOf({ http_service, grpc_service }: ExtAuthz & NetworkExtAuthz): string {
  return http_service?.server_uri?.cluster ?? grpc_service?.envoy_grpc?.cluster_name ?? '';
}

/** Where the question ends; undefined where it cannot be sent. */
function walk(
  scene: Scene,
  held: Held,
  connection: Connection,
  cluster: string,
  question: Request,
): Ending | undefined {
  const aside = { ...scene, depth: scene.depth + 1, trace: new Trace() };
  const asking: Held = { ...held, side: 'outbound', hop: { ...held.hop } };
  // The question is the proxy's own: it is in no client's TLS.
  const content = question.path === CHECK_PATH ? 'h2c' : 'http/1.1';
  const reached = sendOn(aside, asking, cluster, { ...connection, layers: [], content }, question);
  return reached.kind === 'sent' ? reached.ending : undefined;
}

const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';

function grpcQuestion(cluster: string): Request {
  return {
    method: 'POST',
    path: CHECK_PATH,
    authority: cluster,
    scheme: 'http',
    headers: [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
    ],
  };
}

/** The request without its body and with the headers that may be told, and those that every question has. */
function httpQuestion({ http_service: http = {}, allowed_headers }: ExtAuthz, request: Request): Request {
  const { path_prefix = '', authorization_request = {} } = http;
  const told = chosen(request.headers, allowed_headers ?? authorization_request.allowed_headers);
  const authorization = request.headers.filter(
    ([name]) => name === 'authorization' && !told.some(([one]) => one === name),
  );
  const headers = (authorization_request.headers_to_add ?? []).reduce(
    (all: Headers, { key = '', value = '' }) => withHeader(all, key.toLowerCase(), value),
    [...authorization, ...told],
  );
  return { ...request, path: `${path_prefix}${request.path}`, headers };
}

type Names = { readonly patterns?: readonly StringMatcher[] } | undefined;

/** The headers whose names are meant. */
function chosen(headers: Headers, names: Names): Headers {
  const tests = (names?.patterns ?? []).map((one) => compileStringMatcher(one, () => {}, ''));
  return headers.filter(([name]) => tests.some((test) => test(name)));
}

type Passed = NonNullable<NonNullable<ExtAuthz['http_service']>['authorization_response']>;

function allowed(
  request: Request,
  { headers: said }: Response,
  { allowed_upstream_headers, allowed_client_headers_on_success }: Passed,
): Judgement {
  const headers = chosen(said, allowed_upstream_headers).reduce(
    (all: Headers, [name, value]) => withHeader(all, name, value),
    request.headers,
  );
  const toClient = chosen(said, allowed_client_headers_on_success);
  return {
    request: { ...request, headers },
    change: (response) => ({ ...response, headers: [...response.headers, ...toClient] }),
  };
}

/** Nobody answers. */
function failed(
  scene: Scene,
  { failure_mode_allow: passes, status_on_error }: ExtAuthz,
  { request, opened }: Managed,
  cluster: string,
): Judgement | undefined {
  const code = status_on_error?.code;
  const status = STATUS_ON_ERROR[String(code)] ?? (typeof code === 'number' ? code : FORBIDDEN);
  scene.trace.step(
    `${cluster} cannot be asked whether it may pass: ${passes ? 'it does' : `the proxy answers ${status}`}`,
  );
  if (passes) return undefined;
  const reply = localReply(request, status, '', 'ext_authz_error');
  return { ending: answered('deny', reply, kindOfOpened(opened)) };
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
