import type { AuthorizationRule as WrittenRule } from '../../../api/istio/authorization-policy/rule.ts';
import type {
  Attribute,
  AttributeTest,
  AttributeTests,
  AuthorizationRule,
} from '../../../mesh/authorization.ts';

// A rule as written -> tests of attributes. The fields of sources and operations and the keys of conditions are two
// ways to say the same.

/** One rule; `namespace` is the policy's, which a service account without one belongs to. */
export function authorizationRule(
  { from = [], to = [], when = [] }: WrittenRule,
  namespace: string,
): AuthorizationRule {
  return {
    sources: from.map(({ source = {} }) => testsOf(source, SOURCE_FIELDS, namespace)),
    operations: to.map(({ operation = {} }) => testsOf(operation, OPERATION_FIELDS, namespace)),
    conditions: when.map(({ key, values = [], notValues = [] }) => ({
      ...attributeOf(key),
      values: named(key, values, namespace),
      notValues: named(key, notValues, namespace),
    })),
  };
}

const SOURCE_FIELDS: Readonly<Record<string, Attribute>> = {
  principals: 'source.principal',
  requestPrincipals: 'request.auth.principal',
  namespaces: 'source.namespace',
  serviceAccounts: 'source.serviceAccount',
  trustDomains: 'source.trustDomain',
  ipBlocks: 'source.ip',
  remoteIpBlocks: 'remote.ip',
};

const OPERATION_FIELDS: Readonly<Record<string, Attribute>> = {
  hosts: 'request.host',
  ports: 'destination.port',
  methods: 'request.method',
  paths: 'request.path',
};

function testsOf(
  written: Readonly<Record<string, readonly string[] | undefined>>,
  fields: Readonly<Record<string, Attribute>>,
  namespace: string,
): AttributeTests {
  return Object.entries(fields).flatMap(([field, attribute]): AttributeTest[] => {
    const values = named(attribute, written[field] ?? [], namespace);
    const notValues = named(
      attribute,
      written[`not${field[0]?.toUpperCase()}${field.slice(1)}`] ?? [],
      namespace,
    );
    return values.length + notValues.length === 0 ? [] : [{ attribute, path: [], values, notValues }];
  });
}

/** `sleep` is a service account of the policy's own namespace. */
function named(attribute: string, values: readonly string[], namespace: string): readonly string[] {
  if (attribute !== 'source.serviceAccount') return values;
  return values.map((account) => (account.includes('/') ? account : `${namespace}/${account}`));
}

/** `request.auth.claims[a][b]` -> the attribute and its path. */
function attributeOf(key: string): Pick<AttributeTest, 'attribute' | 'path'> {
  const bracket = key.indexOf('[');
  if (bracket < 0) return { attribute: key as Attribute, path: [] };
  const name = key.slice(0, bracket);
  const inBrackets = key.slice(bracket + 1, -1).split('][');
  // `experimental.envoy.filters.a.b[key]`: metadata that another filter wrote.
  const prefix = 'experimental.';
  if (name.startsWith(prefix))
    return { attribute: 'metadata', path: [name.slice(prefix.length), ...inBrackets] };
  return { attribute: name as Attribute, path: inBrackets };
}
