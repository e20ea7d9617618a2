import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, StatsLogConfig } from '../../xds/resources.ts';
import { compileText, type Format } from './format.ts';
import { type LoggedCounters, type LoggedTag, loggedScope, MAX_LOGGED_COUNTERS } from './logged-counters.ts';
import type { StreamFacts } from './stream-facts.ts';

// envoy.access_loggers.stats: statistics out of what a log would say, counters with tags. They are kept in
// logged-counters.ts for the life of the proxy.

export const STATS_LOG = 'envoy.extensions.access_loggers.stats.v3.Config';

type Message = NonNullable<StatsLogConfig['counters']>[number];

interface LoggedCounter {
  readonly name: string;
  readonly by: number;
  readonly tags: readonly { readonly name: string; readonly format: Format }[];
}

/** Counts entries; histograms, gauges and counters by what a format says are refused. */
export function readStatsLog(
  config: AnyMessage,
  counters: LoggedCounters,
  refuse: Refuse,
  field: string,
): { log(facts: StreamFacts): void } {
  const { '@type': _type, ...message } = config;
  const { stat_prefix = '', stats_scope = {}, counters: messages = [], ...rest } = message as StatsLogConfig;
  refuseRest(refuse, field, rest);
  const { prefix = stat_prefix, max_counters = MAX_LOGGED_COUNTERS, ...more } = stats_scope;
  refuseRest(refuse, fieldIn(field, 'stats_scope'), more);
  const scope = loggedScope(counters, prefix, Math.min(max_counters, MAX_LOGGED_COUNTERS));
  const all = messages.map((one, i) => readCounter(one, refuse, fieldIn(field, `counters[${i}]`)));
  return {
    log(facts) {
      for (const { name, by, tags } of all) {
        const values: LoggedTag[] = tags.map((tag) => ({ name: tag.name, value: tag.format(facts) }));
        scope.add(name, values, by);
      }
    },
  };
}

function readCounter(message: Message, refuse: Refuse, field: string): LoggedCounter {
  const { stat = {}, value_fixed = 0, ...rest } = message;
  refuseRest(refuse, field, rest);
  const { name = '', tags = [], ...more } = stat;
  refuseRest(refuse, fieldIn(field, 'stat'), more);
  if (name === '') refuse(fieldIn(field, 'stat.name'), 'is missing');
  return {
    name,
    by: Number(value_fixed),
    tags: tags.map(({ name: tag = '', value_format = '', ...others }, i) => {
      const place = fieldIn(field, `stat.tags[${i}]`);
      refuseRest(refuse, place, others);
      return { name: tag, format: compileText(value_format, refuse, place).format };
    }),
  };
}
