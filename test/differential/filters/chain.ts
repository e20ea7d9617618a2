import { type AnyMessage, any, type Route, type VirtualHost } from '../../../src/xds/resources.ts';
import { head, type RouterCase } from '../cases.ts';

// Each filter in a chain of its own, before the router and behind one that writes down how the answer came about.

export const http = (name: string, message: string): string =>
  `envoy.extensions.filters.http.${name}.v3.${message}`;

const WITNESS = {
  name: 'witness',
  typed_config: any(http('header_mutation', 'HeaderMutation'), {
    mutations: {
      response_mutations: [
        {
          append: {
            header: { key: 'x-details', value: '%RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%' },
            append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          },
        },
      ],
    },
  }),
};
const ROUTER = { name: 'envoy.filters.http.router', typed_config: any(http('router', 'Router'), {}) };

export interface Filter {
  readonly name: string;
  readonly typed_config: AnyMessage;
}

export const filter = (name: string, message: string, fields: object): Filter => ({
  name,
  typed_config: any(http(name, message), fields),
});

export interface Around {
  /** Filters before and after the one that the case is about. */
  readonly before?: readonly Filter[];
  readonly after?: readonly Filter[];
  readonly routes?: readonly Route[];
  readonly host?: Partial<VirtualHost>;
  /** typed_per_filter_config of the route, by the filter's name. */
  readonly typed?: AnyMessage;
}

export function chain(
  name: string,
  one: Filter,
  requests: readonly string[],
  around: Around = {},
): RouterCase {
  const { before = [], after = [], host, typed } = around;
  const route: Route = {
    match: { prefix: '/' },
    route: { cluster: 'a' },
    ...(typed && { typed_per_filter_config: { [one.name]: typed } }),
  };
  return {
    name: `${one.name}: ${name}`,
    routes: around.routes ?? [route],
    ...(host && { host }),
    manager: { stat_prefix: 'case', http_filters: [WITNESS, ...before, one, ...after, ROUTER] },
    requests,
  };
}

export const exact = (text: string) => ({ exact: text });

export const post = (body: string, ...lines: string[]) =>
  `${head('POST', '/p?q=1', ...lines, `content-length: ${body.length}`)}${body}`;

export const ALWAYS = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
