// Submits a job: a form out of the schema of its type.

import {call, get, segment} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {go, link} from '../lib/router.js';
import {schema_form} from '../lib/schema_form.js';
import {submit_commands} from '../lib/shell.js';
import {copy_button, nothing, notice} from '../lib/ui.js';

const options = [['priority', '-100 to 100; higher goes first'], ['tags', 'separated by commas'], ['delay', 'not before so much later: 10m'],
  ['run_at', 'not before then: 2026-01-31T12:00:00Z'], ['timeout', 'how long it may take: 1h']];

function option_fields() {
  const inputs = options.map(([name, help]) => [name, h('input', {id: `option-${name}`, autocomplete: 'off', 'aria-describedby': `option-${name}-help option-${name}-fault`}), help]);
  const fault = (name) => document.getElementById(`option-${name}-fault`);
  return {
    node: h('details', {}, h('summary', {}, 'Options'), inputs.map(([name, input, help]) => h('div', {class: 'field'},
      h('label', {for: input.id}, name), input, h('small', {class: 'muted', id: `option-${name}-help`}, help), h('p', {class: 'fault', id: `option-${name}-fault`})))),
    query: () => Object.fromEntries(inputs.map(([name, input]) => [name, input.value.trim()]).filter(([, value]) => value)),
    /** Shows what is wrong with which option; returns what is about none of them. */
    refuse(problem) {
      for (const [name] of inputs) fault(name).textContent = '';
      return problem.errors.filter((error) => {
        if (!error.parameter || !fault(error.parameter)) return true;
        fault(error.parameter).textContent = error.detail;
        fault(error.parameter).closest('details').open = true;
        return false;
      });
    },
  };
}

function first_params(route) {
  try { return JSON.parse(route.query.get('params') || 'null'); } catch { return null; }
}

function type_form(type, route) {
  const form = schema_form(type.params_schema, first_params(route));
  const more = option_fields();
  const command = h('div', {});
  const submit = async (event) => {
    event.preventDefault();
    if (!form.check()) return;
    try {
      const job = await call('POST', `jobs/${segment(type.name)}`, {text: form.json(), query: more.query()});
      if (job.deduplicated) notice('This had been submitted before; here is that job.');
      go(['jobs', job.job_id]);
    } catch (error) {
      if (error.errors === undefined) throw error;
      const others = more.refuse(error);
      form.refuse({message: others.length || !error.errors.length ? error.message : '', errors: others});
    }
  };
  const show_command = () => {
    let params;
    try { params = JSON.parse(form.json()); } catch { return fill(command, h('p', {class: 'fault'}, 'The params are not JSON yet.')); }
    return fill(command, submit_commands(type.name, params, more.query()).map((text, i) => h('p', {}, h('code', {tabindex: 0}, text), copy_button(text, 'Copy', i ? 'Copy curl' : 'Copy command'))));
  };
  return h('form', {id: 'submit-form', class: 'form-card', novalidate: true, submit},
    h('p', {}, type.description), type.enabled === false ? h('p', {class: 'fault'}, 'This type is disabled.') : null,
    form.node, more.node,
    h('div', {class: 'buttons'}, h('button', {type: 'submit', id: 'submit'}, 'Submit')),
    h('details', {class: 'commands', toggle: show_command}, h('summary', {}, 'As a command, or with curl'), command));
}

export async function show_submit(root, route, signal) {
  document.title = 'Submit · CoreMachine';
  const types = await get('job-types', {}, signal);
  const name = route.query.get('type') || '';
  const type = types.find((one) => one.name === name);
  const select = h('select', {id: 'job-type', change: () => { location.hash = link(['submit'], {type: select.value}); }},
    h('option', {value: ''}, 'choose…'), types.map((one) => h('option', {value: one.name}, one.name)));
  select.value = type ? name : '';
  fill(root, h('h1', {}, 'Submit a job'),
    h('div', {class: 'field'}, h('label', {for: 'job-type'}, 'Job type'), select),
    name && !type ? h('p', {class: 'fault', role: 'alert'}, `There is no job type “${name}”.`) : null,
    type ? type_form(type, route) : nothing('Choose a job type; its form comes then.'));
}
