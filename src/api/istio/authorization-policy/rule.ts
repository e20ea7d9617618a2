import { type Infer, list, message, text, texts } from '../../schema.ts';

/** Who sends: all that are set must hold; `not...` are exclusions. `*` at an end of a text matches anything. */
const source = message(
  {},
  {
    principals: texts,
    notPrincipals: texts,
    requestPrincipals: texts,
    notRequestPrincipals: texts,
    namespaces: texts,
    notNamespaces: texts,
    serviceAccounts: texts,
    notServiceAccounts: texts,
    trustDomains: texts,
    notTrustDomains: texts,
    ipBlocks: texts,
    notIpBlocks: texts,
    remoteIpBlocks: texts,
    notRemoteIpBlocks: texts,
  },
);
export type Source = Infer<typeof source>;

/** What is done. Paths may hold `{*}` for one segment and `{**}` for the rest. */
const operation = message(
  {},
  {
    hosts: texts,
    notHosts: texts,
    ports: texts,
    notPorts: texts,
    methods: texts,
    notMethods: texts,
    paths: texts,
    notPaths: texts,
  },
);
export type Operation = Infer<typeof operation>;

const condition = message({ key: text }, { values: texts, notValues: texts });
export type Condition = Infer<typeof condition>;

/** One rule: some `from`, some `to` and every `when` must hold; a list that is left out holds always. */
export const authorizationRule = message(
  {},
  {
    from: list(message({}, { source })),
    to: list(message({}, { operation })),
    when: list(condition),
  },
);
export type AuthorizationRule = Infer<typeof authorizationRule>;
