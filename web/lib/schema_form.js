// A form that is made from the JSON Schema of params, or one field for JSON where there is no schema.

import {fill, h} from './dom.js';
import {kind_of, make_field} from './schema_field.js';

const escaped = (name) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Adds the fields of an object to `fields` ({pointer: field}) and returns {node, json}. */
function object_fields(schema, root, pointer, value, fields) {
  const required = new Set(schema.required || []);
  const members = Object.entries(schema.properties).map(([name, one]) => {
    const here = `${pointer}/${escaped(name)}`;
    const found = kind_of(one, root);
    const given = value && typeof value === 'object' ? value[name] : undefined;
    if (found.kind === 'object' && pointer.length < 200 && (required.has(name) || given)) {
      const inner = object_fields(found.schema, root, here, given, fields);
      return {name, json: inner.json, node: h('fieldset', {}, h('legend', {}, name), inner.node)};
    }
    const field = make_field(name, one, root, required.has(name), given);
    fields.set(here, field);
    return {name, json: field.json, node: field.node};
  });
  return {
    node: h('div', {class: 'fields'}, members.length ? members.map((member) => member.node) : h('p', {class: 'muted'}, 'It takes no params.')),
    json: () => {
      const parts = members.map(({name, json}) => [name, json()]).filter(([, text]) => text !== undefined);
      return `{${parts.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
    },
  };
}

/** The field that a pointer leads to or into; faults of `/paths/1` are shown at `/paths`. */
export function nearest_field(fields, pointer) {
  for (let at = pointer; at; at = at.slice(0, at.lastIndexOf('/'))) {
    if (fields.has(at)) return {field: fields.get(at), rest: pointer.slice(at.length)};
  }
  return null;
}

/** `#/a%20b` → `/a b`; `under` is what stands before the params in the body. */
function pointer_of(error, under) {
  const text = decodeURIComponent(String(error.pointer || '').replace(/^#/, ''));
  return under && text.startsWith(under) ? text.slice(under.length) : text;
}

/**
 * {node, json(), check(), refuse(problem, under)}: `json` is the text of the params, `check` says whether they may be
 * right and shows at each field what is not, `refuse` shows what the server found.
 */
export function schema_form(schema, value) {
  const fields = new Map();
  const has_fields = schema && schema.properties;
  const whole = make_field('Params as JSON', {}, {}, true, value || {});
  const made = has_fields ? object_fields(schema, schema, '', value, fields) : null;
  const summary = h('div', {class: 'fault-summary', role: 'alert'});
  const place = h('div', {});
  let as_json = !has_fields;
  const toggle = has_fields ? h('button', {type: 'button', class: 'quiet small', id: 'as-json', click: () => {
    if (!as_json) whole.input.value = pretty(made.json());
    as_json = !as_json;
    show();
  }}, '') : null;
  const show = () => {
    fill(place, as_json ? whole.node : made.node);
    if (toggle) toggle.textContent = as_json ? 'As fields' : 'As JSON';
  };
  if (!has_fields || value) whole.input.value = pretty(JSON.stringify(value || {}));
  show();
  const current = () => (as_json ? new Map([['', whole]]) : fields);
  const focus_first = () => [...current().values()].find((field) => field.input.getAttribute('aria-invalid'))?.input.focus();
  return {
    node: h('div', {class: 'schema-form'}, toggle, summary, place),
    json: () => (as_json ? whole.json() : made.json()),
    check() {
      fill(summary);
      for (const field of current().values()) field.refuse(field.fault());
      const right = [...current().values()].every((field) => !field.input.getAttribute('aria-invalid'));
      if (!right) focus_first();
      return right;
    },
    refuse(problem, under = '') {
      const elsewhere = [];
      for (const error of problem.errors) {
        const found = as_json ? null : nearest_field(fields, pointer_of(error, under));
        if (found) found.field.refuse(`${found.rest} ${error.detail}`.trim());
        else elsewhere.push(`${error.pointer || error.parameter || ''} ${error.detail}`.trim());
      }
      if (!problem.errors.length) elsewhere.push(problem.message);
      fill(summary, elsewhere.map((text) => h('p', {class: 'fault'}, text)));
      focus_first();
    },
  };
}

function pretty(text) {
  try {
    return /\d{16}/.test(text) ? text : JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
