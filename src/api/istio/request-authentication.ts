import { checkDuration } from '../check/duration.ts';
import { plainHeaderProblem } from '../check/header.ts';
import { checkJwks } from '../check/jwks.ts';
import { webUrlProblem } from '../check/url.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { bool, duration, type Infer, list, message, text, texts } from '../schema.ts';
import {
  checkAttachment,
  matchLabelsSelector,
  policyTargetRef,
  policyTargetRefs,
} from './shared/selector.ts';

const jwtRule = message(
  {},
  {
    issuer: text,
    audiences: texts,
    jwksUri: text,
    jwks: text,
    fromHeaders: list(message({ name: text }, { prefix: text })),
    fromParams: texts,
    fromCookies: texts,
    outputPayloadToHeader: text,
    forwardOriginalToken: bool,
    outputClaimToHeaders: list(message({ header: text, claim: text }, {})),
    timeout: duration,
    spaceDelimitedClaims: texts,
  },
);
export type JwtRule = Infer<typeof jwtRule>;

const spec = message(
  {},
  {
    selector: matchLabelsSelector,
    targetRef: policyTargetRef,
    targetRefs: policyTargetRefs,
    jwtRules: list(jwtRule),
  },
);

/** Spec of a RequestAuthentication: whose tokens are believed. Requests without a token pass. */
export type RequestAuthenticationSpec = Infer<typeof spec>;
export type RequestAuthentication = SpecObject<RequestAuthenticationSpec>;

/** security.istio.io RequestAuthentication. */
export const requestAuthentication = specKind(
  {
    group: 'security.istio.io',
    kind: 'RequestAuthentication',
    versions: ['v1', 'v1beta1'],
    aliases: { jwks_uri: 'jwksUri' },
  },
  spec,
  checkRequestAuthentication,
);

function checkRequestAuthentication(policy: RequestAuthenticationSpec, report: Report): void {
  checkAttachment(policy, report);
  for (const [i, rule] of (policy.jwtRules ?? []).entries()) checkJwtRule(rule, report.at('jwtRules', i));
}

function checkJwtRule(rule: JwtRule, report: Report): void {
  const { issuer = '', jwksUri = '', jwks = '' } = rule;
  if (issuer === '' && jwksUri === '') report.error('issuer', 'issuer or jwksUri is required');
  const problem = jwksUri === '' ? undefined : webUrlProblem(jwksUri);
  if (problem !== undefined) report.error('jwksUri', problem);
  if (jwks !== '') checkJwks(jwks, report, 'jwks');
  for (const field of ['audiences', 'fromParams', 'fromCookies'] as const)
    for (const [i, value] of (rule[field] ?? []).entries())
      if (value === '') report.error([field, i], 'this entry is empty; fill it in or leave it out');
  for (const [i, { name }] of (rule.fromHeaders ?? []).entries())
    if (name === '') report.error(['fromHeaders', i, 'name'], 'the name of the header is missing');
  for (const [i, { header, claim }] of (rule.outputClaimToHeaders ?? []).entries())
    checkOutputClaim(header, claim, report.at('outputClaimToHeaders', i));
  checkDuration(rule.timeout, report, 'timeout');
}

function checkOutputClaim(header: string, claim: string, report: Report): void {
  if (claim === '') report.error('claim', 'the name of the claim is missing');
  const problem = plainHeaderProblem(header, true);
  if (problem !== undefined) report.error('header', problem);
}
