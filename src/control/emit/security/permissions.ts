import type { AttributeTest, OperationAttribute } from '../../../mesh/authorization.ts';
import { any, type RbacPermission } from '../../../xds/resources.ts';
import { cidrRange, headerTest, textMatcher } from './text.ts';

// What is done, in Envoy's words.

/** How one value of an attribute of the operation is tested. */
export function permissionOf({ attribute, path }: AttributeTest, value: string): RbacPermission {
  return OPERATION[attribute as OperationAttribute](value, path);
}

/** Attributes of the operation that mere connections have too. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set<OperationAttribute>([
  'destination.ip',
  'destination.port',
  'connection.sni',
  'metadata',
]);

/** Whether mere connections have the attribute too. */
export function isOfConnections(attribute: string): boolean {
  return OF_CONNECTIONS.has(attribute);
}

const OPERATION: Readonly<
  Record<OperationAttribute, (value: string, path: readonly string[]) => RbacPermission>
> = {
  'request.host': (value) => ({ header: headerTest(':authority', value, true) }),
  'request.method': (value) => ({ header: headerTest(':method', value) }),
  'request.path': (value) => pathPermission(value),
  'destination.ip': (value) => ({ destination_ip: cidrRange(value) }),
  'destination.port': (value) => ({ destination_port: Number(value) }),
  'connection.sni': (value) => ({ requested_server_name: textMatcher(value) }),
  metadata: (value, [filter = '', key = '']) => ({ metadata: metadataMatcher(filter, key, value) }),
};

/** The value of a key that another filter wrote; `[...]` around it means: of a list, one. */
function metadataMatcher(filter: string, key: string, value: string) {
  const list = value.startsWith('[') && value.endsWith(']');
  const string_match = textMatcher(list ? value.slice(1, -1) : value);
  return {
    filter,
    path: [{ key }],
    value: list ? { list_match: { one_of: { string_match } } } : { string_match },
  };
}

/** A path without its query; `{*}` is one segment and `{**}` any number of them. */
function pathPermission(value: string): RbacPermission {
  if (!value.includes('{*}') && !value.includes('{**}')) return { url_path: { path: textMatcher(value) } };
  return {
    uri_template: {
      name: 'uri-template',
      typed_config: any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
        path_template: value.replaceAll('{**}', '**').replaceAll('{*}', '*'),
      }),
    },
  };
}
