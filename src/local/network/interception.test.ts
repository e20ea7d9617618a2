import { describe, expect, it } from 'vitest';
import { interceptionRules } from './interception.ts';
import { INTERCEPT_ALL, interceptionOptions } from './interception-options.ts';

const lines = (rules: string): string[] => rules.split('\n').map((line) => line.trim());

describe('interceptionRules', () => {
  it('tells the proxy by its uid where there are users', () => {
    const rules = lines(interceptionRules('10.244.0.5', 'uid', INTERCEPT_ALL));
    expect(rules).toContain('meta skuid 1337 accept');
    expect(rules).toContain('meta l4proto tcp redirect to :15001');
    expect(rules).toContain('udp dport 53 redirect to :15053');
    expect(rules.join('\n')).not.toContain('snat');
  });

  it('tells the proxy by its source address without root, and rewrites the application’s on the way out', () => {
    const rules = lines(interceptionRules('10.244.0.5', 'source', INTERCEPT_ALL));
    expect(rules).toContain('ip saddr 10.244.0.5 accept');
    expect(rules).toContain('oifname "eth0" ip saddr 169.254.1.1 snat to 10.244.0.5');
  });

  it('lets loopback and the proxy’s hop to its application pass before anything else', () => {
    const rules = lines(interceptionRules('10.244.0.5', 'uid', INTERCEPT_ALL));
    const first = rules.indexOf('ip daddr 127.0.0.0/8 accept');
    expect(rules[first + 1]).toBe('ip saddr 127.0.0.6 accept');
    expect(rules.findIndex((rule) => rule.includes('redirect'))).toBeGreaterThan(first);
  });

  it('keeps the proxy’s own ports and probes out of the inbound side', () => {
    const rules = lines(interceptionRules('10.244.0.5', 'uid', INTERCEPT_ALL));
    const inbound = rules.slice(rules.indexOf('chain prerouting {'));
    expect(inbound).toContain('tcp dport { 15020, 15021, 15090 } accept');
    expect(inbound.indexOf('ip saddr 169.254.7.127 accept')).toBeLessThan(
      inbound.indexOf('meta l4proto tcp redirect to :15006'),
    );
  });

  it('lets an application read the statistics of other pods’ proxies, not of its own in their place', () => {
    const rules = lines(interceptionRules('10.244.0.5', 'uid', INTERCEPT_ALL));
    const past = rules.indexOf('ip daddr 10.244.0.0/16 tcp dport { 15020, 15021, 15090 } accept');
    expect(past).toBeGreaterThan(0);
    expect(past).toBeLessThan(rules.indexOf('meta l4proto tcp redirect to :15001'));
  });

  it('obeys the annotations', () => {
    const { options, problems } = interceptionOptions({
      'traffic.sidecar.istio.io/includeInboundPorts': '9080, 9081',
      'traffic.sidecar.istio.io/excludeInboundPorts': '9081',
      'traffic.sidecar.istio.io/includeOutboundIPRanges': '10.96.0.0/16',
      'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.96.1.0/24',
      'traffic.sidecar.istio.io/excludeOutboundPorts': '3306',
      'traffic.sidecar.istio.io/includeOutboundPorts': '443',
    });
    expect(problems).toEqual([]);
    const rules = lines(interceptionRules('10.244.0.5', 'uid', options));
    expect(rules).toContain('tcp dport { 9080, 9081 } redirect to :15006');
    expect(rules).toContain('tcp dport { 15020, 15021, 15090, 9081 } accept');
    const outbound = rules.slice(
      rules.indexOf('tcp dport { 3306 } accept'),
      rules.indexOf('chain prerouting {'),
    );
    expect(outbound.slice(0, 4)).toEqual([
      'tcp dport { 3306 } accept',
      'ip daddr 10.96.1.0/24 accept',
      'tcp dport { 443 } redirect to :15001',
      'ip daddr 10.96.0.0/16 meta l4proto tcp redirect to :15001',
    ]);
  });

  it('an empty includeInboundPorts intercepts nothing inbound', () => {
    const { options } = interceptionOptions({ 'traffic.sidecar.istio.io/includeInboundPorts': '' });
    expect(interceptionRules('10.244.0.5', 'uid', options)).not.toContain('15006');
  });

  it('reports what it cannot read and goes on with the default', () => {
    const { options, problems } = interceptionOptions({
      'traffic.sidecar.istio.io/excludeOutboundPorts': '80; flush ruleset',
      'traffic.sidecar.istio.io/includeOutboundIPRanges': '10.0.0.0/99',
    });
    expect(problems).toHaveLength(2);
    expect(options).toEqual(INTERCEPT_ALL);
  });
});
