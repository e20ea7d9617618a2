import type { ServerResponse } from 'node:http';
import type { ApiAnswers } from './answers.ts';
import type { MtlsPlanQuestion } from './contract.ts';
import { sendFile, sendJson } from './respond.ts';
import { readPage, type StaticFile } from './static-files.ts';

/** What questions are answered from. */
export interface ReadSources {
  readonly answers: ApiAnswers;
  readonly dashboardDir?: string;
}

/** Answers a GET: a question of the contract, or a file of the page. */
export async function read(url: URL, response: ServerResponse, options: ReadSources): Promise<void> {
  if (url.pathname === '/api/explain') {
    explain(url, response, options.answers);
    return;
  }
  const found = await route(url, options);
  if (found instanceof Object && 'body' in found) sendFile(response, found);
  else sendJson(response, found === undefined ? 404 : 200, found ?? { error: absentText(url) });
}

function absentText({ pathname, searchParams }: URL): string {
  const of = (name: string): string => searchParams.get(name) ?? '';
  if (pathname === '/api/dump') return `there is no proxy ${of('proxy')}; "weft proxies" lists them`;
  if (pathname === '/api/mtls-plan')
    return `nothing that PeerAuthentication could apply to runs as ${of('namespace')}/${of('workload') || '*'}`;
  if (pathname !== '/api/object') return `there is no ${pathname}`;
  return `there is no ${of('kind')} ${searchParams.get('namespace') ?? 'default'}/${of('name')} in the configuration`;
}

/** Longest token claims that are taken, in characters. */
const MAX_CLAIMS = 8_192;

function explain(url: URL, response: ServerResponse, answers: ApiAnswers): void {
  const { searchParams: words } = url;
  const claims = words.get('claims');
  const jwt = claims === null ? undefined : readObject(claims);
  const question = {
    from: words.get('from') ?? '',
    request: words.get('request') ?? '',
    headers: words.getAll('header'),
    plaintext: words.get('plaintext') === 'true',
    ...(jwt && { jwt }),
  };
  const answer =
    claims !== null && jwt === undefined
      ? { problem: 'claims are no JSON object', misused: true }
      : answers.explain(question);
  if ('told' in answer) sendJson(response, 200, answer.told);
  else sendJson(response, answer.misused ? 400 : 404, { error: answer.problem });
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > MAX_CLAIMS) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

async function route(
  url: URL,
  { answers, dashboardDir }: ReadSources,
): Promise<object | StaticFile | undefined> {
  switch (url.pathname) {
    case '/api/status':
      return answers.status();
    case '/api/proxies':
      return answers.proxies();
    case '/api/ca':
      return answers.ca();
    case '/api/denials':
      return answers.denials(url.searchParams.get('id') ?? '');
    case '/api/dump':
      return answers.dump(url.searchParams.get('proxy') ?? '', url.searchParams.getAll('part'));
    case '/api/object':
      return answers.object({
        kind: url.searchParams.get('kind') ?? '',
        namespace: url.searchParams.get('namespace') ?? 'default',
        name: url.searchParams.get('name') ?? '',
      });
    case '/api/mtls-plan':
      return answers.mtlsPlan(mtlsPlanQuestion(url.searchParams));
    default:
      return dashboardDir === undefined ? undefined : readPage(dashboardDir, url.pathname);
  }
}

const DAY_MS = 86_400_000;
const TEN_MINUTES_MS = 600_000;

function mtlsPlanQuestion(words: URLSearchParams): MtlsPlanQuestion {
  const ms = (name: string, absent: number): number => {
    const text = words.get(name);
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : absent;
  };
  return {
    namespace: words.get('namespace') ?? 'default',
    workload: words.get('workload') || undefined,
    lookBackMs: ms('lookBackMs', DAY_MS),
    atLeastMs: ms('atLeastMs', TEN_MINUTES_MS),
  };
}
