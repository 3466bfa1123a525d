// SPDX-License-Identifier: Apache-2.0
// All runs, newest first.
import { getJson } from './api.js';
import { element, runLink, table, tag, time } from './dom.js';

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

export async function runs(query) {
  const parameters = new URLSearchParams(query ?? '');
  const page = await getJson(`/v1/runs?${parameters}`);
  const older = page.next_cursor === null ? null : (() => {
    parameters.set('cursor', page.next_cursor);
    return element('p', {}, element('a', { href: `#/runs?${parameters}` }, 'Older runs'));
  })();
  return [element('h1', {}, 'Runs'), runTable(page.items), older].filter(Boolean);
}
