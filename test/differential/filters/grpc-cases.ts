import { any } from '../../../src/xds/resources.ts';
import { get, type RouterCase } from '../cases.ts';
import { chain, filter, http, post } from './chain.ts';

// Filters that ask a gRPC service; `x-decide` holds its answer.

/** The service's answer as a request header: it is told every header, or what the route counts. */
export const decide = (answer: object): string =>
  `x-decide: ${Buffer.from(JSON.stringify(answer)).toString('base64')}`;

const envoyGrpc = (cluster_name: string) => ({ envoy_grpc: { cluster_name }, timeout: '2s' });

const authz = (name: string, fields: object, requests: readonly string[]): RouterCase =>
  chain(
    name,
    filter('ext_authz', 'ExtAuthz', {
      transport_api_version: 'V3',
      grpc_service: envoyGrpc('authz'),
      ...fields,
    }),
    requests,
    {
      typed: any(http('ext_authz', 'ExtAuthzPerRoute'), {
        check_settings: { context_extensions: { of: 'route' } },
      }),
    },
  );
const option = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });

/** Somebody else decides. */
export const authorization: readonly RouterCase[] = [
  authz('over gRPC', {}, [
    get('/a?b=c', decide({ status: { code: 0 } }), 'x-a: 1', 'x-a: 2'),
    get(
      '/a?b=c&d=e',
      decide({
        ok_response: {
          headers: [
            option('x-set', 'new'),
            option('x-set', 'newer'),
            option('x-more', 'b', { append: true }),
            option('x-none', 'b', { append: true }),
          ],
          headers_to_remove: ['x-gone', 'host'],
          response_headers_to_add: [option('x-said', 'yes'), option('server', 'mine')],
          query_parameters_to_set: [
            { key: 'b', value: 'x y' },
            { key: 'new', value: '1' },
          ],
          query_parameters_to_remove: ['d'],
        },
      }),
      'x-set: old',
      'x-more: a',
      'x-gone: 1',
    ),
    get('/', decide({ status: { code: 7 } })),
    get(
      '/',
      decide({
        status: { code: 16 },
        denied_response: {
          status: { code: 'Unauthorized' },
          headers: [
            option('www-authenticate', 'Basic'),
            option('x-twice', 'a'),
            option('x-twice', 'b', { append: true }),
            option('x-alone', 'c', { append: true }),
            option('x-both', 'd', { append_action: 'APPEND_IF_EXISTS_OR_ADD' }),
            option('x-both', 'e', { append_action: 'APPEND_IF_EXISTS_OR_ADD' }),
          ],
          body: 'who?',
        },
      }),
    ),
    get('/', decide({ fails: 14 })),
  ]),
  authz('with the body', { with_request_body: { max_request_bytes: 5, allow_partial_message: true } }, [
    post('hello', decide({})),
    post('hello, world', decide({})),
    get('/', decide({})),
  ]),
  authz('with the body as bytes', { with_request_body: { max_request_bytes: 5, pack_as_bytes: true } }, [
    post('hello', decide({})),
    post('hello, world', decide({})),
  ]),
];

const limits = (name: string, fields: object, requests: readonly string[]): RouterCase =>
  chain(
    name,
    filter('ratelimit', 'RateLimit', {
      domain: 'shop',
      timeout: '2s',
      rate_limit_service: { grpc_service: envoyGrpc('limits'), transport_api_version: 'V3' },
      ...fields,
    }),
    requests,
    {
      routes: [
        {
          match: { prefix: '/' },
          metadata: { filter_metadata: { shop: { tier: 'gold' } } },
          route: {
            cluster: 'a',
            rate_limits: [
              {
                actions: [
                  { source_cluster: {} },
                  { destination_cluster: {} },
                  { remote_address: {} },
                  { masked_remote_address: { v4_prefix_mask_len: 16 } },
                  { request_headers: { header_name: ':path', descriptor_key: 'path' } },
                  { request_headers: { header_name: 'x-no', descriptor_key: 'no', skip_if_absent: true } },
                  { generic_key: { descriptor_value: 'g' } },
                  {
                    header_value_match: {
                      descriptor_value: 'has',
                      headers: [{ name: 'x-decide', present_match: true }],
                    },
                  },
                  {
                    query_parameter_value_match: {
                      descriptor_value: 'no-q',
                      expect_match: false,
                      query_parameters: [{ name: 'q', present_match: true }],
                    },
                  },
                  {
                    metadata: {
                      descriptor_key: 'tier',
                      source: 'ROUTE_ENTRY',
                      metadata_key: { key: 'shop', path: [{ key: 'tier' }] },
                    },
                  },
                ],
              },
              { actions: [{ request_headers: { header_name: 'x-decide', descriptor_key: 'decide' } }] },
            ],
          },
        },
      ],
    },
  );
const limit = (requests_per_unit: number, unit: string, name?: string) => ({
  requests_per_unit,
  unit,
  ...(name && { name }),
});

/** Somebody else counts. */
export const counting: readonly RouterCase[] = [
  limits('by a service', { enable_x_ratelimit_headers: 'DRAFT_VERSION_03' }, [
    get('/x?a=b', decide({ overall_code: 'OK' })),
    get('/?q=1', decide({ overall_code: 'OK' })),
    get(
      '/',
      decide({
        overall_code: 'OVER_LIMIT',
        raw_body: btoa('too many'),
        response_headers_to_add: [{ key: 'x-limit', value: 'a' }],
        statuses: [
          { code: 'OVER_LIMIT', current_limit: limit(10, 'MINUTE', 'ten'), duration_until_reset: '12s' },
          { code: 'OK', current_limit: limit(99, 'HOUR'), limit_remaining: 5 },
        ],
      }),
    ),
    get(
      '/',
      decide({
        overall_code: 'OK',
        request_headers_to_add: [{ key: 'x-up', value: '1' }],
        response_headers_to_add: [{ key: 'x-down', value: '2' }],
        statuses: [{ code: 'OK', current_limit: limit(99, 'HOUR'), limit_remaining: 5 }],
      }),
    ),
    get('/', decide({ fails: 14 })),
  ]),
  limits(
    'by a service, strictly',
    {
      failure_mode_deny: true,
      rate_limited_status: { code: 'ServiceUnavailable' },
      disable_x_envoy_ratelimited_header: true,
      response_headers_to_add: [{ header: { key: 'x-own', value: 'h' } }],
    },
    [get('/', decide({ fails: 14 })), get('/', decide({ overall_code: 'OVER_LIMIT' }))],
  ),
];
