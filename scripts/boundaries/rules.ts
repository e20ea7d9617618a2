/** boundaries.json: for each folder, what it may import. The longest folder name that holds a file is the one that counts. */
export interface Boundaries {
  readonly folders: Readonly<Record<string, FolderRule>>;
}

export interface FolderRule {
  /** Folders whose files may be imported, besides the folder itself. */
  readonly may: readonly string[];
  /** No `node:` modules outside tests. */
  readonly pure?: boolean;
  /** Only these folders may import this one. */
  readonly onlyFrom?: readonly string[];
  /** False: the folder's subfolders may not import each other (one filter never knows another). */
  readonly siblings?: boolean;
}

/** Sentences, one per import of `file` that the rules forbid. `local` are its imports as paths from the root. */
export function violations(
  boundaries: Boundaries,
  file: string,
  local: readonly string[],
  all: readonly string[],
): readonly string[] {
  const isTest = /\.test\.ts$/.test(file);
  const from = folderOf(boundaries, file);
  if (from === undefined) return [`${file}: no folder of boundaries.json holds it`];
  const rule = boundaries.folders[from]!;
  const problems: string[] = [];
  if (rule.pure === true && !isTest) {
    for (const name of all)
      if (name.startsWith('node:')) problems.push(`${file}: ${from} is pure but imports ${name}`);
  }
  for (const target of local) {
    const problem = judge(boundaries, file, from, target, isTest);
    if (problem !== undefined) problems.push(`${file}: ${problem}`);
  }
  return problems;
}

function judge(
  b: Boundaries,
  file: string,
  from: string,
  target: string,
  isTest: boolean,
): string | undefined {
  if (!target.startsWith('src/')) return isTest ? undefined : `imports ${target} outside src/`;
  const to = folderOf(b, target);
  if (to === undefined) return `imports ${target}, which no folder of boundaries.json holds`;
  // A test may use the test bed, and look at its part from the whole that it belongs to.
  if (isTest && (to === 'src/testing' || from === 'src/testing' || topOf(to) === topOf(from)))
    return undefined;
  const allowed = b.folders[to]!.onlyFrom;
  if (allowed !== undefined && to !== from && !allowed.includes(from))
    return `${to} may be imported only from ${allowed.join(', ')}`;
  const rule = b.folders[from]!;
  if (to !== from && !rule.may.some((m) => inside(target, m)))
    return `${from} may not import ${to} (${target})`;
  if (rule.siblings === false && to === from && crossesSiblings(from, file, target))
    return `one of ${from} may not import another (${target})`;
  return undefined;
}

/** Whether both lie below `from/KIND/NAME/` with different names. */
function crossesSiblings(from: string, file: string, target: string): boolean {
  const name = (path: string): string =>
    path
      .slice(from.length + 1)
      .split('/')
      .slice(0, -1)
      .join('/');
  return name(file).includes('/') && name(target).includes('/') && name(file) !== name(target);
}

/** `src/control/emit` belongs to `src/control`. */
function topOf(folder: string): string {
  return folder.split('/').slice(0, 2).join('/');
}

function folderOf(boundaries: Boundaries, file: string): string | undefined {
  let best: string | undefined;
  for (const folder of Object.keys(boundaries.folders)) {
    if (inside(file, folder) && folder.length > (best?.length ?? 0)) best = folder;
  }
  return best;
}

function inside(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}
