// How fast a job goes, and when it will be done if it goes on like that.

import {fill, h} from '../lib/dom.js';
import * as format from '../lib/format.js';
import {status_bar} from '../lib/plot.js';

const window_ms = 10000;

const ended = (tasks) => tasks.completed + tasks.failed + tasks.dead + tasks.cancelled;

/** {per_second, left_ms} from samples {at, done} of one stage; null where nothing can be said. */
export function speed(samples, total) {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (!first || last.at - first.at < 500 || last.done <= first.done) return null;
  const per_ms = (last.done - first.done) / (last.at - first.at);
  return {per_second: per_ms * 1000, left_ms: (total - last.done) / per_ms};
}

export function make_rate() {
  const node = h('section', {class: 'rate', 'aria-label': 'Progress'});
  let samples = [];
  let round = 0;
  return {
    node,
    show(job) {
      const stage = job.stages.find((some) => some.status === 'running');
      if (!stage || !stage.tasks.total) return fill(node);
      const now = performance.now();
      const done = ended(stage.tasks);
      if (stage.round !== round) samples = [];
      round = stage.round;
      samples.push({at: now, done});
      samples = samples.filter((sample) => sample.at >= now - window_ms);
      const going = speed(samples, stage.tasks.total);
      const parts = ['failed', 'dead', 'retrying', 'running', 'completed', 'cancelled', 'queued'].map((name) => [name, stage.tasks[name]]);
      const text = `Stage ${stage.stage}: ${format.count(done)} of ${format.plural(stage.tasks.total, 'task')}, ${Math.floor((done / stage.tasks.total) * 100)} %`;
      return fill(node, h('p', {}, text, going ? `, ${format.rate(going.per_second)}, done in about ${format.duration(Math.round(going.left_ms / 1000) * 1000 || 1000)}` : ''),
        status_bar(parts, text));
    },
  };
}
