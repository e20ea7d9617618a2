import { virtualServices } from './virtual-services.ts';
import { step } from './world.ts';

/** Whether any rule sends requests by the claims of their tokens. */
export const routesByClaims = step('routes by claims', (read): boolean =>
  read
    .of(virtualServices, '')
    .some((rules) => rules.http.some((rule) => rule.matches.some(({ claims }) => claims.length > 0))),
);
