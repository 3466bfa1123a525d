// SPDX-License-Identifier: Apache-2.0
// Runs that deviate and wait for a person, worst first.
import { getJson } from './api.js';
import { element, runLink, table, tag, time } from './dom.js';
import { newestFirst, place } from './runs.js';

const SEVERITIES = ['', 'info', 'warn', 'crit'];

function worstFirst(a, b) {
  return SEVERITIES.indexOf(b.max_severity) - SEVERITIES.indexOf(a.max_severity) || newestFirst(a, b);
}

function isPending(run) {
  return run.verdict === 'deviates' && !run.is_baseline && !run.decision;
}

export async function pending() {
  const { items } = await getJson('/v1/pending');
  return {
    render: () => [
      element('h1', {}, 'Pending review'),
      table([
        ['Severity', (run) => tag(run.max_severity)],
        ['Run', (run) => runLink(run.id)],
        ['Package', (run) => run.package],
        ['Version', (run) => run.version],
        ['Deviations', (run) => (run.open_deviations === run.deviation_count
          ? String(run.deviation_count)
          : `${run.open_deviations} of ${run.deviation_count}`)],
        ['Judged', (run) => time(run.judged_at)],
      ], items, 'Nothing awaits review.'),
    ],
    take: (event, run) => (event === 'run' ? place(items, run, isPending(run), worstFirst) : null),
  };
}
