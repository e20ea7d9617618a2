// Words that several steps share.

/** `34 %`, `0.5 %`. */
export function shareText(share: number): string {
  const percent = share * 100;
  return `${Number(percent.toFixed(percent < 1 ? 2 : 1))} %`;
}

/** `a, b and 3 more`. */
export function listText(words: readonly string[], most = 5): string {
  if (words.length <= most) return words.join(', ');
  return `${words.slice(0, most).join(', ')} and ${words.length - most} more`;
}
