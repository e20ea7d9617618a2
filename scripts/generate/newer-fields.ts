import protobuf from 'protobufjs';

// Fields of Envoy's API that are newer than the definitions in the dependency. Left out once those have them.

const RETRY_BUDGET = 'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget';
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Adds them to definitions whose types are resolved. */
export function addNewerFields(root: protobuf.Root): void {
  add(root.lookupType(RETRY_BUDGET), 'budget_interval', 3, 'google.protobuf.Duration');
  const options = root.lookupType(HTTP_OPTIONS);
  if (options.fields['outlier_detection'] === undefined) {
    const detection = new protobuf.Type('OutlierDetection');
    options.add(detection);
    add(detection, 'error_matcher', 1, 'envoy.config.common.matcher.v3.MatchPredicate');
    add(options, 'outlier_detection', 8, 'OutlierDetection');
  }
}

function add(message: protobuf.Type, name: string, id: number, type: string): void {
  if (message.fields[name] !== undefined) return;
  const field = new protobuf.Field(name, id, type);
  message.add(field);
  field.resolve();
}
