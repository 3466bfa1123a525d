// SPDX-License-Identifier: Apache-2.0
// All runs, newest first.
import { getJson } from './api.js';
import { element, runLink, table, tag, time } from './dom.js';

const ROWS_MAX = 200; // a page that grew beyond begins anew

export function runTable(items) {
  return table([
    ['Run', (run) => runLink(run.id)],
    ['Package', (run) => run.package || '—'],
    ['Version', (run) => run.version],
    ['State', (run) => (run.phase === 'judged' ? tag(run.state) : tag(run.phase))],
    ['Verdict', (run) => tag(run.verdict)],
    ['Baseline', (run) => (run.is_baseline ? '★' : '')],
    ['Deviations', (run) => String(run.deviation_count)],
    ['Started', (run) => time(run.started_at)],
  ], items, 'No runs yet. Watch a package with “fangs package add”.');
}

// As the gateway orders them: those without a start last.
export function newestFirst(a, b) {
  return (b.started_at ?? '').localeCompare(a.started_at ?? '') || (b.id < a.id ? -1 : 1);
}

// Puts a changed item in its place, or takes it out. 'draw' when that changed anything.
export function place(items, item, belongs, order) {
  const index = items.findIndex((other) => other.id === item.id);
  if (index >= 0) items.splice(index, 1);
  if (belongs) items.push(item);
  items.sort(order);
  return belongs || index >= 0 ? 'draw' : null;
}

const FILTERS = ['package', 'version', 'state', 'phase', 'verdict', 'decision', 'trigger'];

// Whether a run belongs on the page with these parameters; null when only the gateway can tell.
function isOnPage(run, parameters, items) {
  if (parameters.has('cursor')) return items.some((item) => item.id === run.id);
  if ([...parameters.keys()].some((key) => !FILTERS.includes(key))) return null;
  return [...parameters].every(([key, value]) => !value || run[key] === value);
}

export async function runs(query) {
  const parameters = new URLSearchParams(query ?? '');
  const page = await getJson(`/v1/runs?${parameters}`);
  const older = page.next_cursor === null ? null : (() => {
    parameters.set('cursor', page.next_cursor);
    return element('p', {}, element('a', { href: `#/runs?${parameters}` }, 'Older runs'));
  })();
  const asked = new URLSearchParams(query ?? '');
  return {
    render: () => [element('h1', {}, 'Runs'), runTable(page.items), older].filter(Boolean),
    take: (event, run) => {
      if (event !== 'run') return null;
      const belongs = isOnPage(run, asked, page.items);
      if (belongs === null || page.items.length > ROWS_MAX) return 'reload';
      return place(page.items, run, belongs, newestFirst);
    },
  };
}
