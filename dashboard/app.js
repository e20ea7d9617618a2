// The page of weft: asks /api/status every two seconds and shows it. Shapes: src/server/contract.ts.
// Everything is put in as text, never as markup: names and messages are other people's words.

const REFRESH_MS = 2000;
const TIMEOUT_MS = 5000;

const banner = document.getElementById('banner');
const summary = document.getElementById('summary');
let lastHeardMs;

/** Asks, shows, and asks again; one question at a time, none while nobody looks. */
async function refresh() {
  try {
    if (!document.hidden || lastHeardMs === undefined) show(await ask());
  } catch (error) {
    showAway(error);
  }
  setTimeout(refresh, REFRESH_MS);
}

async function ask() {
  const response = await fetch('/api/status', { signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  return response.json();
}

function show(report) {
  lastHeardMs = Date.now();
  banner.hidden = true;
  document.body.classList.remove('old');
  summary.textContent = summaryOf(report);
  fill('workloads', workloadColumns, report.workloads, 'Nothing runs in the mesh yet.');
  fill('proxies', proxyColumns(report), report.proxies, 'No proxy has connected yet.');
  fill('configuration', objectColumns, sortedObjects(report.configuration), 'There is no configuration yet.');
  fill('problems', problemColumns, report.problems, '');
  document.getElementById('problems-section').hidden = report.problems.length === 0;
  fill('parts', partColumns, report.processes, 'No process is known.');
}

function showAway(error) {
  const since = lastHeardMs === undefined ? '' : ` What is shown is ${age(Date.now() - lastHeardMs)} old.`;
  const reason = error.name === 'TimeoutError' ? 'it does not answer' : error.message;
  banner.textContent = `The control plane cannot be reached (${reason}). Proxies go on with what they have.${since}`;
  banner.hidden = false;
  document.body.classList.add('old');
}

function summaryOf(report) {
  const { workloads, proxies, configuration } = report;
  const ready = workloads.filter((one) => one.ready).length;
  const synced = proxies.filter((one) => one.connected && one.state === 'synced').length;
  const connected = proxies.filter((one) => one.connected).length;
  const odd = configuration.filter((one) => one.state !== 'ok' || one.errors.length > 0).length;
  return [
    `${ready} of ${workloads.length} workloads ready`,
    `${synced} of ${connected} proxies in sync`,
    odd === 0 ? 'configuration fine' : `${odd} of ${configuration.length} documents need a look`,
    `trust domain ${report.trustDomain}`,
    `up ${age(report.nowMs - report.startedAtMs)}`,
    `weft ${report.version}`,
  ].join(' · ');
}

const workloadColumns = [
  ['Namespace', (one) => one.namespace],
  ['Workload', (one) => one.workload],
  ['Pod', (one) => one.pod],
  ['Address', (one) => one.ip],
  ['Ready', (one) => (one.ready ? mark('good', 'ready') : mark('wait', 'not ready'))],
  ['Data plane', (one) => (one.dataPlane === 'none' ? faint('none') : one.dataPlane)],
  ['Proxy', (one) => state(one.proxy)],
  ['App CPU', (one) => cpu(one.usage), 'number'],
  ['App memory', (one) => memory(one.usage), 'number'],
  ['Proxy CPU', (one) => cpu(one.proxyUsage), 'number'],
  ['Proxy memory', (one) => memory(one.proxyUsage), 'number'],
];

const types = ['clusters', 'endpoints', 'listeners', 'routes', 'secrets'];

function proxyColumns({ nowMs }) {
  return [
    ['Proxy', (one) => one.name],
    ['Program', (one) => one.userAgent || one.dataPlane],
    ['State', (one) => (one.connected ? state(one.state) : mark('bad', 'away'))],
    ...types.map((type) => [title(type), (one) => typeCell(one, type), 'number']),
    [
      'Last push took',
      (one) => (one.lastPushMs === undefined ? '' : `${Math.round(one.lastPushMs)} ms`),
      'number',
    ],
    [
      'Last push',
      (one) => (one.lastPushAtMs === undefined ? '' : `${age(nowMs - one.lastPushAtMs)} ago`),
      'number',
    ],
    ['Connected for', (one) => (one.connected ? age(nowMs - one.connectedAtMs) : ''), 'number'],
    ['Refuses', refusals, 'text'],
  ];
}

const objectColumns = [
  ['State', (one) => (one.state === 'ok' && one.errors.length > 0 ? mark('wait', 'look') : state(one.state))],
  ['Kind', (one) => one.kind || faint('unreadable')],
  ['Namespace', (one) => one.namespace],
  ['Name', (one) => one.name],
  ['In use', (one) => (one.live.of === 0 ? '' : `${one.live.proxies}/${one.live.of}`), 'number'],
  ['File', (one) => `${one.file}:${one.line}`],
  ['What is wrong', (one) => findings([...one.errors, ...one.warnings]), 'text'],
];

const problemColumns = [
  ['File', (one) => `${one.file}:${one.line}`],
  ['What is wrong', (one) => one.message, 'text'],
];

const partColumns = [
  ['Part', (one) => one.name],
  ['Kind', (one) => one.kind],
  ['State', (one) => (one.state === 'running' ? mark('good', 'running') : mark('wait', one.state))],
  ['Process', (one) => (one.pid === undefined ? '' : String(one.pid)), 'number'],
  ['Restarts', (one) => String(one.restarts), 'number'],
  ['CPU', (one) => cpu(one.usage), 'number'],
  ['Memory', (one) => memory(one.usage), 'number'],
  ['Last end', (one) => one.lastExit ?? '', 'text'],
];

/** What needs a look comes first; otherwise the order of the files. */
function sortedObjects(objects) {
  const weight = (one) =>
    one.state === 'invalid' ? 0 : one.state === 'stale' ? 1 : one.errors.length > 0 ? 2 : 3;
  return [...objects].sort((a, b) => weight(a) - weight(b));
}

function typeCell(proxy, type) {
  const found = proxy.types.find((one) => one.type === type);
  if (found === undefined) return '';
  return found.state === 'synced'
    ? String(found.resources)
    : mark(tones[found.state], `${found.resources} ${found.state}`);
}

function refusals(proxy) {
  const refused = proxy.types.filter((one) => one.nack !== undefined);
  return paragraphs(
    refused.map((one) => `${one.type} ${one.nack.resources.join(', ')}: ${one.nack.message}`),
  );
}

function findings(found) {
  return paragraphs(
    found.map(({ line, field, message }) => `line ${line}${field === '' ? '' : `, ${field}`}: ${message}`),
  );
}

const tones = {
  ok: 'good',
  synced: 'good',
  pending: 'wait',
  stale: 'wait',
  rejected: 'bad',
  invalid: 'bad',
  away: 'bad',
  none: 'faint',
};

function state(word) {
  return mark(tones[word] ?? 'faint', word);
}

function mark(tone, text) {
  const span = document.createElement('span');
  span.className = tone;
  span.textContent = text;
  return span;
}

function faint(text) {
  return mark('faint', text);
}

function paragraphs(texts) {
  const all = document.createDocumentFragment();
  for (const text of texts) all.append(element('p', text));
  return all;
}

/** Writes a table anew where its content changed, so that a selection in it survives. */
function fill(id, columns, rows, emptyText) {
  const table = document.createElement('table');
  if (rows.length === 0) {
    table.append(element('caption', emptyText));
  } else {
    const head = table.createTHead().insertRow();
    for (const [name, , className = ''] of columns) {
      const cell = element('th', name);
      cell.scope = 'col';
      cell.className = className;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const one of rows) {
      const row = body.insertRow();
      for (const [, content, className = ''] of columns) {
        const cell = row.insertCell();
        cell.className = className;
        cell.append(content(one));
      }
    }
  }
  const present = document.getElementById(id);
  if (present.innerHTML !== table.innerHTML) present.replaceChildren(...table.childNodes);
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function cpu(usage) {
  if (usage === undefined) return '';
  const share = usage.cpu * 100;
  return `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

function memory(usage) {
  return usage === undefined ? '' : `${Math.round(usage.memoryBytes / 1048576)} MiB`;
}

function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function title(word) {
  return word[0].toUpperCase() + word.slice(1);
}

refresh();
