/** Upper bounds of buckets, as Envoy's and Istio's histograms have them (milliseconds, or bytes). */
export const BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000,
];

/** Counts of values by size. Fixed memory: twenty numbers. */
export class Histogram {
  sum = 0;
  count = 0;
  readonly #counts = new Float64Array(BOUNDS.length);

  add(value: number): void {
    this.sum += value;
    this.count++;
    for (let i = 0; i < BOUNDS.length; i++)
      if (value <= (BOUNDS[i] as number)) {
        this.#counts[i]!++;
        return;
      }
  }

  /** Counts by upper bound, those that are not 0; `Infinity` is what is past all of them; `sum` always. */
  *buckets(): Generator<readonly [bound: string, count: number]> {
    yield ['sum', this.sum];
    let within = 0;
    for (let i = 0; i < BOUNDS.length; i++) {
      const count = this.#counts[i] as number;
      within += count;
      if (count > 0) yield [String(BOUNDS[i]), count];
    }
    if (this.count > within) yield ['Infinity', this.count - within];
  }

  /** Prometheus lines of this histogram; `labels` without braces. */
  lines(name: string, labels: string): string {
    const comma = labels === '' ? '' : ',';
    let text = '';
    let below = 0;
    for (let i = 0; i < BOUNDS.length; i++) {
      below += this.#counts[i] as number;
      text += `${name}_bucket{${labels}${comma}le="${BOUNDS[i]}"} ${below}\n`;
    }
    text += `${name}_bucket{${labels}${comma}le="+Inf"} ${this.count}\n`;
    return `${text}${name}_sum{${labels}} ${this.sum}\n${name}_count{${labels}} ${this.count}\n`;
  }
}
