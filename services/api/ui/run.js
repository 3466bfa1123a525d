// SPDX-License-Identifier: Apache-2.0
// One run: what became of it, its deviations with their evidence, and the decision.
import { getJson, postJson } from './api.js';
import { definitions, element, mono, table, tag, time } from './dom.js';

function evidence(deviation) {
  const content = element('pre', {}, 'loading…');
  const load = async () => {
    try {
      const full = await getJson(`/v1/deviations/${deviation.id}`);
      content.textContent = JSON.stringify(full.evidence, null, 2);
    } catch (error) {
      content.textContent = error.message;
    }
  };
  return element('details', { ontoggle: (event) => event.target.open && load() },
    element('summary', {}, 'evidence'), content);
}

// What a person may do about one deviation. An allow entry holds for what is to come, too.
function triage(deviation, run, refresh) {
  const outcome = element('span', { role: 'status' });
  const decide = (verb, ask) => async () => {
    const note = prompt(ask, '');
    if (note === null) return;
    try {
      await postJson(`/v1/deviations/${deviation.id}/${verb}`, { by: 'dashboard', note });
      await refresh();
    } catch (error) {
      outcome.textContent = error.message;
    }
  };
  const button = (title, verb, ask) =>
    element('button', { type: 'button', onclick: decide(verb, ask) }, title);
  const why = [deviation.suppressed_by, deviation.suppressed_why].filter(Boolean).join(': ');
  if (deviation.suppressed) {
    return element('div', {}, element('p', {}, `suppressed${why && ` (${why})`}`),
      deviation.suppressed_by === 'person' ? button('Count again', 'unsuppress', 'Why?') : null,
      outcome);
  }
  if (!waits(run)) return null;
  return element('div', {},
    button('Suppress', 'suppress', `Let '${deviation.value}' of this run not count? Why:`),
    button('Allow', 'allow', `Allow '${deviation.value}' for ${run.package} from now on? Why:`),
    outcome);
}

function deviationTable(items, run, refresh) {
  return table([
    ['Severity', (deviation) => tag(deviation.severity)],
    ['Category', (deviation) => deviation.category],
    ['Value', (deviation) => element('div', { class: 'value' }, mono(deviation.value), evidence(deviation))],
    ['Who', (deviation) => deviation.actor],
    ['Process', (deviation) => mono(deviation.process)],
    ['Command', (deviation) => mono(deviation.command)],
    ['Why', (deviation) => deviation.reason],
    ['Counts', (deviation) => triage(deviation, run, refresh)],
  ], items, 'This run did nothing that its predecessors had not done.');
}

function waits(run) {
  return run.verdict === 'deviates' && !run.is_baseline && !run.decision;
}

function decision(run, refresh) {
  if (!waits(run)) return null;
  const outcome = element('p', { role: 'status' });
  const decide = (verb, question) => async () => {
    if (!confirm(question)) return;
    buttons.forEach((button) => { button.disabled = true; });
    try {
      await postJson(`/v1/runs/${run.id}/${verb}`, { by: 'dashboard' });
      await refresh();
    } catch (error) {
      outcome.textContent = error.message;
      buttons.forEach((button) => { button.disabled = false; });
    }
  };
  const what = `all ${run.deviation_count} deviations of ${run.package}@${run.version}`;
  const buttons = [
    element('button', { type: 'button', onclick: decide('promote', `Accept ${what} as normal?`) },
      'Promote to baseline'),
    element('button', { type: 'button', onclick: decide('reject', `Confirm ${what} as findings?`) },
      'Reject'),
    element('button', { type: 'button', onclick: decide('reanalyse', 'Analyse it again by the rules of now?') },
      'Analyse again'),
  ];
  return element('div', {}, element('p', {}, ...buttons), outcome);
}

function facts(run) {
  return definitions([
    ['Run', mono(run.id)],
    ['State', `${run.state} (${run.phase})`],
    ['Verdict', tag(run.verdict)],
    ['Incomplete because', run.incomplete_reason],
    ['Failure', run.failure_reason],
    ['Baseline', run.is_baseline ? 'yes' : 'no'],
    ['Decision', run.decision],
    ['Deviations', `${run.deviation_count}, ${run.open_deviations} of them count`],
    ['Attempt', run.attempt],
    ['Runner', run.runner_id],
    ['Started', time(run.started_at)],
    ['Finished', time(run.finished_at)],
    ['Duration', run.duration_ms ? `${(run.duration_ms / 1000).toFixed(1)} s` : ''],
    ['Events', `${run.events_stored} stored, ${run.events_dropped} lost`],
    ['Image', `${run.image} ${run.image_digest}`.trim()],
    ['Node and npm', `${run.node_version} ${run.npm_version}`.trim()],
    ['Sensor', run.sensor_tier],
  ]);
}

export async function run(id, refresh) {
  const found = await getJson(`/v1/runs/${id}`);
  const deviations = await getJson(`/v1/runs/${found.id}/deviations?limit=500`);
  return {
    render: () => [
      element('h1', {}, `${found.package || 'ad-hoc run'} ${found.version}`),
      facts(found),
      decision(found, refresh),
      element('h2', {}, 'Deviations'),
      deviationTable(deviations.items, found, refresh),
    ].filter(Boolean),
    take: (event, item) => (event === 'run' && item.id === found.id ? 'reload' : null),
  };
}
