import type { Exempt } from '../kinds.ts';

const OWN_NAMESPACE = 'targets are of the namespace of what is attached to them';
const FETCHING =
  'keys are fetched by the control plane, from servers that tests of key sets have (src/control/key-sets)';

export const AUTHORIZATION_POLICY: Exempt = { 'targetRef.namespace': OWN_NAMESPACE };

export const REQUEST_AUTHENTICATION: Exempt = {
  'targetRef.namespace': OWN_NAMESPACE,
  'jwtRules.jwksUri': FETCHING,
  'jwtRules.timeout': FETCHING,
};
