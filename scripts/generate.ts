// Generates src/xds/gen from the API definitions in @grpc/grpc-js-xds (deps/): types.ts, one readonly interface per
// message in proto3-JSON shape with proto field names, and schema.ts, the field tables that src/xds/codec.ts reads.
// Not committed: runs in `prepare`, and with --if-needed only where the output is older than its inputs.
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { emitSchema, emitTypes } from './generate/emit.ts';
import { addNewerFields } from './generate/newer-fields.ts';
import { rootFiles } from './generate/roots.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'src/xds/gen');
const deps = join(dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json')), 'deps');
const bundled = dirname(createRequire(import.meta.url).resolve('protobufjs/package.json'));
const includes = [
  ...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((d) => join(deps, d)),
  bundled,
  join(root, 'scripts/generate/include'),
];

if (process.argv.includes('--if-needed') && upToDate()) process.exit(0);
const { messages, enums } = reachable(load());
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'types.ts'), emitTypes(messages, enums));
writeFileSync(join(out, 'schema.ts'), emitSchema(messages, enums));
console.log(`src/xds/gen: ${messages.length} messages, ${enums.length} enums`);

function upToDate(): boolean {
  if (!existsSync(join(out, 'schema.ts'))) return false;
  const made = statSync(join(out, 'schema.ts')).mtimeMs;
  const here = join(root, 'scripts');
  const inputs = [
    join(here, 'generate.ts'),
    ...readdirSync(join(here, 'generate')).map((f) => join(here, 'generate', f)),
  ];
  return inputs.every((f) => statSync(f).mtimeMs < made);
}

/** Every root file with what it imports, parsed. */
function load(): protobuf.Root {
  const loaded = new protobuf.Root();
  loaded.resolvePath = (origin, target) => {
    for (const dir of includes) if (existsSync(join(dir, target))) return join(dir, target);
    return protobuf.util.path.resolve(origin, target);
  };
  loaded.loadSync(rootFiles(deps), { keepCase: true });
  loaded.resolveAll();
  addNewerFields(loaded);
  return loaded;
}

/** The messages and enums of the root files and all that their fields lead to, sorted by name. */
function reachable(loaded: protobuf.Root): { messages: protobuf.Type[]; enums: protobuf.Enum[] } {
  const found = new Set<protobuf.ReflectionObject>();
  const files = new Set(rootFiles(deps));
  const visit = (item: protobuf.ReflectionObject | null): void => {
    if (item === null || found.has(item)) return;
    found.add(item);
    if (item instanceof protobuf.Type) for (const field of item.fieldsArray) visit(field.resolvedType);
  };
  const walk = (space: protobuf.NamespaceBase): void => {
    for (const item of space.nestedArray) {
      const wanted = item.filename !== null && files.has(item.filename ?? '');
      if (wanted && (item instanceof protobuf.Type || item instanceof protobuf.Enum)) visit(item);
      if (item instanceof protobuf.Namespace) walk(item);
    }
  };
  walk(loaded);
  const sorted = [...found].sort((a, b) => (a.fullName < b.fullName ? -1 : 1));
  return {
    messages: sorted.filter((i) => i instanceof protobuf.Type),
    enums: sorted.filter((i) => i instanceof protobuf.Enum),
  };
}
