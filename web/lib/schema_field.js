// One value of a JSON Schema as a field of a form. A field gives JSON as text: an integer of 64 bits does not survive
// being a number of JavaScript.

import {h, new_id} from './dom.js';

/** {kind, nullable, schema}: what of the schema decides how it is asked for. */
export function kind_of(schema, root) {
  let some = schema;
  let nullable = false;
  const either = some.anyOf || some.oneOf;
  if (either) {
    const others = either.filter((one) => one.type !== 'null');
    nullable = others.length < either.length;
    if (others.length !== 1) return {kind: 'json', nullable, schema: some};
    some = {...others[0], description: some.description || others[0].description, default: some.default};
  }
  if (typeof some.$ref === 'string' && some.$ref.startsWith('#/$defs/')) {
    const named = (root.$defs || {})[some.$ref.slice(8)];
    if (named) some = {...named, description: some.description || named.description, default: some.default};
  }
  const types = [].concat(some.type || []);
  nullable = nullable || types.includes('null');
  const type = types.find((name) => name !== 'null');
  if (some.enum) return {kind: 'choice', nullable, schema: some};
  if (type === 'object' && some.properties) return {kind: 'object', nullable, schema: some};
  if (type === 'array' && kind_of(some.items || {}, root).kind === 'string') return {kind: 'lines', nullable, schema: some};
  if (['boolean', 'integer', 'number', 'string'].includes(type)) return {kind: type, nullable, schema: some};
  return {kind: 'json', nullable, schema: some};
}

const checks = {
  integer(text, schema) {
    if (!/^-?\d+$/.test(text)) return 'should be an integer';
    return in_range(BigInt(text), schema);
  },
  number(text, schema) {
    if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return 'should be a number';
    return in_range(Number(text), schema);
  },
  string(text, schema) {
    const length = [...text].length;
    if (schema.minLength !== undefined && length < schema.minLength) return `should have at least ${schema.minLength} characters`;
    if (schema.maxLength !== undefined && length > schema.maxLength) return `should have at most ${schema.maxLength} characters`;
    return '';
  },
  json(text) {
    try {
      JSON.parse(text);
      return '';
    } catch (error) {
      return `should be JSON: ${error.message}`;
    }
  },
};

function in_range(value, {minimum, maximum}) {
  if (minimum !== undefined && value < minimum) return `should be ${minimum} or more`;
  if (maximum !== undefined && value > maximum) return `should be ${maximum} or less`;
  return '';
}

/** The rules in a few words, for below the field. */
function hint(schema, kind) {
  const rules = [];
  if (kind === 'integer' || kind === 'number') {
    if (schema.minimum !== undefined && schema.maximum !== undefined) rules.push(`${schema.minimum} to ${schema.maximum}`);
    else if (schema.minimum !== undefined) rules.push(`${schema.minimum} or more`);
    else if (schema.maximum !== undefined) rules.push(`${schema.maximum} or less`);
  }
  if (kind === 'lines') rules.push('one to a line');
  if (kind === 'json') rules.push('JSON');
  if (schema.default !== undefined) rules.push(`otherwise ${JSON.stringify(schema.default)}`);
  return [schema.description || '', rules.join('; ')].filter(Boolean).join(' — ');
}

function make_input(kind, schema, id, required) {
  const option = (value) => h('option', {value: value === '' ? '' : JSON.stringify(value)}, value === '' ? (required ? 'choose…' : '–') : String(value));
  if (kind === 'choice') return h('select', {id}, option(''), schema.enum.filter((value) => value !== null).map(option));
  if (kind === 'boolean') return h('select', {id}, option(''), option(true), option(false));
  if (kind === 'json' || kind === 'lines') return h('textarea', {id, rows: 3, spellcheck: 'false'});
  return h('input', {id, type: 'text', autocomplete: 'off', inputmode: kind === 'integer' || kind === 'number' ? 'decimal' : null});
}

function show_value(kind, input, value) {
  if (value === undefined || value === null) input.value = '';
  else if (kind === 'string') input.value = String(value);
  else if (kind === 'lines' && Array.isArray(value)) input.value = value.join('\n');
  else input.value = JSON.stringify(value);
}

/** The JSON of what was written; undefined: nothing was, so it is left out. */
function json_of(kind, text, required) {
  if (kind === 'string') return text === '' && !required ? undefined : JSON.stringify(text);
  if (kind === 'lines') return text === '' && !required ? undefined : JSON.stringify(text.split('\n').filter((line) => line !== ''));
  return text.trim() === '' ? undefined : text.trim();
}

/** {node, json(), fault(), refuse(text), input} of one value that is not an object. */
export function make_field(name, schema_here, root, required, value) {
  const {kind, schema} = kind_of(schema_here, root);
  const id = new_id('field');
  const input = make_input(kind, schema, id, required);
  const help = hint(schema, kind);
  const fault = h('p', {class: 'fault', id: `${id}-fault`});
  input.setAttribute('aria-describedby', `${help ? `${id}-help ` : ''}${id}-fault`);
  if (required) input.setAttribute('aria-required', 'true');
  show_value(kind, input, value);
  const refuse = (text) => {
    fault.textContent = text;
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  const json = () => json_of(kind, input.value, required);
  const find_fault = () => {
    const text = json();
    if (text === undefined) return required ? 'is required' : '';
    const check = checks[kind];
    return check ? check(kind === 'string' ? input.value : text, schema) : '';
  };
  // A fault that comes or goes moves what is below, so it waits while something else than a field is being clicked.
  let written = false;
  input.addEventListener('input', () => {
    written = true;
    if (input.hasAttribute('aria-invalid')) refuse(find_fault());
  });
  input.addEventListener('focusout', (event) => {
    if (written && event.relatedTarget?.matches('input, select, textarea')) refuse(find_fault());
  });
  return {
    node: h('div', {class: 'field', 'data-name': name}, h('label', {for: id}, name, required ? h('span', {class: 'required', 'aria-hidden': 'true'}, ' *') : null),
      input, help ? h('small', {id: `${id}-help`, class: 'muted'}, help) : null, fault),
    input, json, fault: find_fault,
    refuse(text) {
      written = false;
      refuse(text);
    },
  };
}
