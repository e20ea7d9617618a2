import { execFileSync } from 'node:child_process';

/** Interfaces, named network namespaces and nftables rules of this machine, as text to compare. */
export async function networkState(): Promise<string> {
  const run = (command: string, ...args: string[]): string => {
    try {
      return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      return '';
    }
  };
  const links = run('ip', '-o', 'link').replace(/(state|qlen|mtu) \S+/g, '');
  return [links, run('ip', 'netns'), run('nft', 'list', 'ruleset')].join('\n---\n');
}
