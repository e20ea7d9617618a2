import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, int32, message, text, textMap } from '../schema.ts';
import { checkSelector, matchLabelsSelector } from './shared/selector.ts';

const spec = message(
  {},
  {
    selector: matchLabelsSelector,
    concurrency: int32,
    environmentVariables: textMap,
    image: message({}, { imageType: text }),
  },
);

/** Spec of a ProxyConfig object: how the proxies of workloads are started. `concurrency: 0` means one thread per core. */
export type ProxyConfigSpec = Infer<typeof spec>;
export type ProxyConfig = SpecObject<ProxyConfigSpec>;

/** networking.istio.io ProxyConfig. */
export const proxyConfig = specKind(
  { group: 'networking.istio.io', kind: 'ProxyConfig', versions: ['v1beta1'] },
  spec,
  (config, report) => {
    if (config.image !== undefined)
      report.warn('image', 'has no effect: weft proxies do not come as images of several types');
    if (config.selector !== undefined)
      checkSelector(config.selector.matchLabels, report, ['selector', 'matchLabels']);
    if ((config.concurrency ?? 0) < 0)
      report.error('concurrency', 'concurrency is 0 (one thread per core) or more');
  },
);
