import type { Report } from '../../report.ts';
import { double, type Infer, message } from '../../schema.ts';

/** A share of requests in percent, down to 0.0001. */
export const percentage = message({}, { value: double });
export type Percentage = Infer<typeof percentage>;

/** 0 to 100. */
export function checkPercent(value: number | undefined, report: Report, field: string): void {
  if (value !== undefined && (value < 0 || value > 100))
    report.error(field, `${value} is not a percentage; write a number from 0 to 100`);
}

/** 0, or 0.0001 to 100: Envoy counts in millionths. */
export function checkFinePercentage(value: Percentage | undefined, report: Report, field: string): void {
  const share = value?.value ?? 0;
  checkPercent(share, report.at(field), 'value');
  if (share > 0 && share < 0.0001)
    report.error([field, 'value'], `${share} is too small a percentage; the smallest is 0.0001`);
}
