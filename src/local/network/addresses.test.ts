import { describe, expect, it } from 'vitest';
import { MAX_PODS, PodAddresses, ServiceAddresses } from './addresses.ts';

describe('PodAddresses', () => {
  it('starts after the platform and does not reuse a freed address at once', () => {
    const addresses = new PodAddresses();
    expect(addresses.take()).toBe('10.244.0.2');
    addresses.free('10.244.0.2');
    expect(addresses.take()).toBe('10.244.0.3');
  });

  it('wraps around past the addresses in use', () => {
    const addresses = new PodAddresses();
    const kept = addresses.take();
    const seen = new Set<string>();
    for (let i = 0; i < 0x10000; i++) {
      const address = addresses.take();
      seen.add(address);
      addresses.free(address);
    }
    expect(seen.has(kept)).toBe(false);
    expect(seen.has('10.244.0.1')).toBe(false);
    expect(seen.has('10.244.255.255')).toBe(false);
  });

  it('has a limit', () => {
    const addresses = new PodAddresses();
    for (let i = 0; i < MAX_PODS; i++) addresses.take();
    expect(() => addresses.take()).toThrow(RangeError);
  });
});

describe('ServiceAddresses', () => {
  it('gives a Service the same address every time', () => {
    const first = new ServiceAddresses().take('default', 'reviews');
    const again = new ServiceAddresses();
    expect(again.take('default', 'reviews')).toBe(first);
    expect(again.take('default', 'reviews')).toBe(first);
    expect(first).toMatch(/^10\.96\.\d+\.\d+$/);
  });

  it('gives distinct addresses, never a reserved one', () => {
    const addresses = new ServiceAddresses();
    const given = new Set(Array.from({ length: 5000 }, (_, i) => addresses.take('ns', `s${i}`)));
    expect(given.size).toBe(5000);
    expect([...given].some((address) => address.startsWith('10.96.0.'))).toBe(false);
  });

  it('honours spec.clusterIP when it is free and in the range', () => {
    const addresses = new ServiceAddresses();
    expect(addresses.take('a', 'a', '10.96.7.7')).toBe('10.96.7.7');
    expect(addresses.take('a', 'b', '10.96.7.7')).not.toBe('10.96.7.7');
    expect(addresses.take('a', 'c', '192.168.0.1')).toMatch(/^10\.96\./);
    addresses.free('a', 'a');
    expect(addresses.take('a', 'd', '10.96.7.7')).toBe('10.96.7.7');
  });
});
