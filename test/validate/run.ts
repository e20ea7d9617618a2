import { processIo } from '../../src/cli/io.ts';
import { runValidate } from '../../src/cli/validate.ts';

// `weft validate ARGS` as a process of its own: real files, real standard input.
const [output = 'text', ...files] = process.argv.slice(2);
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  process.stderr.write(`${(user + system) / 1000} ms of CPU\n`);
});
process.exitCode = await runValidate(files, { output: output === 'json' ? 'json' : 'text' }, processIo());
