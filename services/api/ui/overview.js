// SPDX-License-Identifier: Apache-2.0
// What the installation does right now.
import { getJson } from './api.js';
import { card, element, mono, table, tag, time } from './dom.js';
import { newestFirst, place, runTable } from './runs.js';

const LATEST = 10;

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

function counters(counts) {
  return element('div', { class: 'cards' },
    card(counts.pending, 'runs await review'),
    card(counts.deviations, 'deviations'),
    card(counts.running, 'runs under way'),
    card(counts.queued, 'runs queued'),
    card(counts.runs, 'runs in all'),
    card(counts.packages, 'packages watched'));
}

export async function overview() {
  const answers = await Promise.all([getJson('/v1/status'), getJson(`/v1/runs?limit=${LATEST}`)]);
  let [status] = answers;
  const recent = answers[1].items;
  const render = () => [
    element('h1', {}, 'Overview'),
    counters(status.counts),
    element('h2', {}, 'Latest runs'),
    runTable(recent.slice(0, LATEST)),
    element('h2', {}, 'Runners'),
    runnerTable(status.runners),
    element('h2', {}, 'Services'),
    serviceTable(status.services),
  ];
  const take = (event, item) => {
    if (event === 'status') status = item;
    if (event === 'run') place(recent, item, true, newestFirst);
    if (event === 'runner') place(status.runners, item, true, (a, b) => (a.id < b.id ? -1 : 1));
    recent.splice(LATEST);
    return event === 'deviation' ? null : 'draw';
  };
  return { render, take };
}
