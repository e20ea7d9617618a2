import { describe, expect, it } from 'vitest';
import { BYTES_PER_REQUEST, REQUEST_BURST, REQUESTS_PER_SECOND, RequestBudget } from './request-budget.ts';

describe('what a stream may ask', () => {
  const taken = (budget: RequestBudget, atMs: number, bytes = 0): number => {
    let requests = 0;
    while (requests < 10 * REQUEST_BURST && budget.take(bytes, atMs)) requests++;
    return requests;
  };

  it('is so many requests at once, then so many a second', () => {
    const budget = new RequestBudget(0);
    expect(taken(budget, 0)).toBe(REQUEST_BURST);
    expect(taken(budget, 1000)).toBe(REQUESTS_PER_SECOND - 1);
    expect(taken(new RequestBudget(0), 3_600_000)).toBe(REQUEST_BURST);
  });

  it('is less where requests are large', () => {
    expect(taken(new RequestBudget(0), 0, 9 * BYTES_PER_REQUEST)).toBe(REQUEST_BURST / 10);
  });
});
