// SPDX-License-Identifier: Apache-2.0
// Runs that deviate and wait for a person, worst first.
import { getJson } from './api.js';
import { element, runLink, table, tag, time } from './dom.js';

export async function pending() {
  const { items } = await getJson('/v1/pending');
  return [
    element('h1', {}, 'Pending review'),
    table([
      ['Severity', (run) => tag(run.max_severity)],
      ['Run', (run) => runLink(run.id)],
      ['Package', (run) => run.package],
      ['Version', (run) => run.version],
      ['Deviations', (run) => String(run.deviation_count)],
      ['Judged', (run) => time(run.judged_at)],
    ], items, 'Nothing awaits review.'),
  ];
}
