/** The module names that a TypeScript source imports, exports from, or loads with import('literal'). */
export function importsOf(source: string): readonly string[] {
  const found = new Set<string>();
  const statement =
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  for (const pattern of [statement, dynamic]) {
    for (const match of source.matchAll(pattern)) found.add((match[1] ?? match[2])!);
  }
  return [...found];
}
