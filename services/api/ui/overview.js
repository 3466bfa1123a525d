// SPDX-License-Identifier: Apache-2.0
// What the installation does right now.
import { getJson } from './api.js';
import { card, element, mono, table, tag, time } from './dom.js';
import { runTable } from './runs.js';

function runnerTable(runners) {
  return table([
    ['Runner', (runner) => mono(runner.id)],
    ['Status', (runner) => (runner.alive ? runner.status || 'idle' : tag('gone'))],
    ['Transport', (runner) => runner.transport],
    ['Slots', (runner) => `${runner.busy} of ${runner.slots}`],
    ['Sensor', (runner) => runner.sensor_tier || '—'],
    ['Kernel', (runner) => runner.kernel_version],
    ['Seen', (runner) => time(runner.last_seen_at)],
  ], runners, 'No runner has registered.');
}

function serviceTable(services) {
  return table([
    ['Service', (service) => service.service],
    ['State', (service) => (!service.alive ? tag('gone') : service.ready ? 'ready' : 'not ready')],
    ['Instance', (service) => mono(service.instance)],
    ['Detail', (service) => service.detail],
  ], services, 'No service reports to the database.');
}

export async function overview() {
  const [status, recent] = await Promise.all([getJson('/v1/status'), getJson('/v1/runs?limit=10')]);
  const { counts } = status;
  return [
    element('h1', {}, 'Overview'),
    element('div', { class: 'cards' },
      card(counts.pending, 'runs await review'),
      card(counts.deviations, 'deviations'),
      card(counts.running, 'runs under way'),
      card(counts.queued, 'runs queued'),
      card(counts.runs, 'runs in all'),
      card(counts.packages, 'packages watched')),
    element('h2', {}, 'Latest runs'),
    runTable(recent.items),
    element('h2', {}, 'Runners'),
    runnerTable(status.runners),
    element('h2', {}, 'Services'),
    serviceTable(status.services),
  ];
}
