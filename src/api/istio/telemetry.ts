import { celProblem } from '../../lib/cel/syntax.ts';
import { checkDurationSyntax } from '../check/duration.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { bool, double, duration, type Infer, list, mapOf, message, oneOf, text } from '../schema.ts';
import { checkAtMostOne } from './shared/exclusive.ts';
import { checkPercent } from './shared/percent.ts';
import {
  checkAttachment,
  matchLabelsSelector,
  policyTargetRef,
  policyTargetRefs,
} from './shared/selector.ts';

const providers = list(message({ name: text }, {}));
const mode = oneOf('CLIENT_AND_SERVER', 'CLIENT', 'SERVER');
const match = message({}, { mode });

const customTag = message(
  {},
  {
    literal: message({ value: text }, {}),
    environment: message({ name: text }, { defaultValue: text }),
    header: message({ name: text }, { defaultValue: text }),
    formatter: message({ value: text }, {}),
  },
);
export type CustomTag = Infer<typeof customTag>;

const tracing = message(
  {},
  {
    match,
    providers,
    randomSamplingPercentage: double,
    disableSpanReporting: bool,
    customTags: mapOf(customTag),
    useRequestIdForTraceSampling: bool,
    enableIstioTags: bool,
    disableContextPropagation: bool,
  },
);
export type Tracing = Infer<typeof tracing>;

const metric = oneOf(
  'ALL_METRICS',
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
);

const metricsOverride = message(
  {},
  {
    match: message({}, { metric, customMetric: text, mode }),
    disabled: bool,
    tagOverrides: mapOf(message({}, { operation: oneOf('UPSERT', 'REMOVE'), value: text })),
  },
);
type MetricsOverride = Infer<typeof metricsOverride>;

const metrics = message({}, { providers, overrides: list(metricsOverride), reportingInterval: duration });
export type Metrics = Infer<typeof metrics>;

const accessLogging = message(
  {},
  { match, providers, disabled: bool, filter: message({}, { expression: text }) },
);
export type AccessLogging = Infer<typeof accessLogging>;

const spec = message(
  {},
  {
    selector: matchLabelsSelector,
    targetRef: policyTargetRef,
    targetRefs: policyTargetRefs,
    tracing: list(tracing),
    metrics: list(metrics),
    accessLogging: list(accessLogging),
  },
);

/** Spec of a Telemetry: what proxies report about requests, and to whom. */
export type TelemetrySpec = Infer<typeof spec>;
export type Telemetry = SpecObject<TelemetrySpec>;

/** telemetry.istio.io Telemetry. */
export const telemetry = specKind(
  { group: 'telemetry.istio.io', kind: 'Telemetry', versions: ['v1', 'v1alpha1'] },
  spec,
  checkTelemetry,
);

function checkTelemetry(spec: TelemetrySpec, report: Report): void {
  checkAttachment(spec, report);
  for (const field of ['metrics', 'tracing', 'accessLogging'] as const)
    for (const [i, entry] of (spec[field] ?? []).entries())
      for (const [j, provider] of (entry.providers ?? []).entries())
        if (provider.name === '')
          report.error([field, i, 'providers', j, 'name'], 'the name of the provider is missing');
  for (const [i, entry] of (spec.metrics ?? []).entries()) checkMetrics(entry, report.at('metrics', i));
  for (const [i, { filter }] of (spec.accessLogging ?? []).entries()) {
    const problem = filter === undefined ? undefined : celProblem(filter.expression ?? '');
    if (problem !== undefined) report.error(['accessLogging', i, 'filter', 'expression'], problem);
  }
  if ((spec.tracing ?? []).length > 1) report.warn('tracing', 'only the first entry of tracing is used');
  for (const [i, entry] of (spec.tracing ?? []).entries()) checkTracing(entry, report.at('tracing', i));
}

function checkMetrics(metrics: Metrics, report: Report): void {
  checkDurationSyntax(metrics.reportingInterval, report, 'reportingInterval');
  for (const [i, override] of (metrics.overrides ?? []).entries())
    checkOverride(override, report.at('overrides', i));
}

function checkOverride(override: MetricsOverride, report: Report): void {
  checkAtMostOne(override.match, ['metric', 'customMetric'], report.at('match'));
  if (override.match?.customMetric === '')
    report.error(['match', 'customMetric'], 'the name of the metric is missing');
  for (const [name, { operation = 'UPSERT', value = '' }] of Object.entries(override.tagOverrides ?? {})) {
    if (name === '') report.warn('tagOverrides', 'the name of the tag is missing');
    if (operation === 'UPSERT' && value === '')
      report.error(
        ['tagOverrides', name, 'value'],
        'value is required: a CEL expression such as request.host',
      );
    if (operation === 'REMOVE' && value !== '')
      report.error(['tagOverrides', name, 'value'], 'a tag that is removed has no value; leave value out');
  }
}

function checkTracing(tracing: Tracing, report: Report): void {
  if ((tracing.providers ?? []).length > 1)
    report.warn('providers', 'only the first provider is used for traces');
  checkPercent(tracing.randomSamplingPercentage, report, 'randomSamplingPercentage');
  for (const [name, tag] of Object.entries(tracing.customTags ?? {})) {
    if (name === '') report.error('customTags', 'the name of the tag is missing');
    checkCustomTag(tag, report.at('customTags', name));
  }
}

function checkCustomTag(tag: CustomTag, report: Report): void {
  checkAtMostOne(tag, ['literal', 'environment', 'header', 'formatter'], report);
  if (tag.literal?.value === '') report.error(['literal', 'value'], 'value is required here');
  if (tag.environment?.name === '')
    report.error(['environment', 'name'], 'the name of the variable is missing');
  if (tag.header?.name === '') report.error(['header', 'name'], 'the name of the header is missing');
}
