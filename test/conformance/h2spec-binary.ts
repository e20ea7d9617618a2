import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// h2spec, the conformance suite of HTTP/2, built from its Go module with pinned dependencies into the project's cache.

const VERSION = '2.2.1';
const BUILD_TIMEOUT_MS = 300_000;

const GO_MOD = `module build

go 1.21

require (
	github.com/summerwind/h2spec v${VERSION}+incompatible
	github.com/fatih/color v1.18.0
	github.com/spf13/cobra v1.8.1
	golang.org/x/net v0.33.0
)
`;

/** The program; undefined where it cannot be had, with the reason printed (an error with WEFT_REQUIRE_REAL_PARTS=1). */
export async function h2specForTests(): Promise<string | undefined> {
  const folder = fileURLToPath(new URL(`../../.weft/h2spec/${VERSION}`, import.meta.url));
  const program = join(folder, 'h2spec');
  if (existsSync(program)) return program;
  try {
    await build(folder, program);
    return program;
  } catch (error) {
    if (process.env['WEFT_REQUIRE_REAL_PARTS'] === '1') throw error;
    console.log(`h2spec is not run: it cannot be built with Go (${(error as Error).message.split('\n')[0]})`);
    return undefined;
  }
}

async function build(folder: string, program: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(join(folder, '.build-'));
  try {
    writeFileSync(join(draft, 'go.mod'), GO_MOD);
    const args = ['build', '-mod=mod', '-o', 'h2spec', 'github.com/summerwind/h2spec/cmd/h2spec'];
    await promisify(execFile)('go', args, { cwd: draft, timeout: BUILD_TIMEOUT_MS });
    renameSync(join(draft, 'h2spec'), program);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
