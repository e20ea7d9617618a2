/**
 * Which of the encodings offered a client wants most (RFC 9110 §12.5.3); of equals the one offered first. Undefined:
 * none, or rather the body as it is.
 */
export function chooseEncoding(header: string | undefined, offered: readonly string[]): string | undefined {
  if (header === undefined) return undefined;
  const weights = new Map(header.split(',').map(readWeight));
  const others = weights.get('*') ?? 0;
  const best = offered
    .map((name) => ({ name, weight: weights.get(name) ?? others }))
    .filter(({ weight }) => weight > 0)
    .reduce<{ name: string; weight: number } | undefined>(
      (most, one) => (most === undefined || one.weight > most.weight ? one : most),
      undefined,
    );
  return best !== undefined && best.weight >= (weights.get('identity') ?? 0) ? best.name : undefined;
}

/** `gzip;q=0.8`; a weight that is none counts as 0. */
function readWeight(item: string): [string, number] {
  const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const weight = q === undefined ? 1 : /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q) : 0;
  return [name === 'x-gzip' ? 'gzip' : name, weight];
}
