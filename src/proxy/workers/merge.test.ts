import { describe, expect, it } from 'vitest';
import { addClusters, addLines } from './merge.ts';

describe('answers of several workers', () => {
  it('add up counters, keep what all see alike, and print each line once', () => {
    const one = 'http.a.rq_total: 3\ncluster.c.membership_total: 2\nhttp.a.name: "x"\n';
    const two = 'http.a.rq_total: 4\ncluster.c.membership_total: 2\nhttp.a.name: "x"\nhttp.b.rq_total: 1\n';
    expect(addLines([one, two])).toBe(
      'http.a.rq_total: 7\ncluster.c.membership_total: 2\nhttp.a.name: "x"\nhttp.b.rq_total: 1\n',
    );
  });

  it('add up Prometheus series, with one type line each', () => {
    const text =
      '# TYPE a counter\na{l="x y"} 1\na{l="}"} 2\n# TYPE m gauge\ncluster_membership_healthy{l="x"} 5\n';
    expect(addLines([text, text])).toBe(
      '# TYPE a counter\na{l="x y"} 2\na{l="}"} 4\n# TYPE m gauge\ncluster_membership_healthy{l="x"} 5\n',
    );
  });

  it('add up endpoints', () => {
    const line =
      'up::127.0.0.1:80::rq_total::2\nup::127.0.0.1:80::health_flags::healthy\nup::127.0.0.1:80::weight::3\n';
    expect(addLines([line, line], '::')).toBe(
      'up::127.0.0.1:80::rq_total::4\nup::127.0.0.1:80::health_flags::healthy\nup::127.0.0.1:80::weight::3\n',
    );
    const host = { address: 'a', stats: [{ name: 'rq_total', value: '2' }, { name: 'rq_error' }] };
    const document = { cluster_statuses: [{ name: 'up', host_statuses: [host] }] };
    expect(addClusters([document, document])).toEqual({
      cluster_statuses: [
        {
          name: 'up',
          host_statuses: [{ address: 'a', stats: [{ name: 'rq_total', value: '4' }, { name: 'rq_error' }] }],
        },
      ],
    });
  });
});
