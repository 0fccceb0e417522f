// Rows of a table that is shown anew again and again. A row that has not changed stays the node that it was, so that
// focus, selection and scrolling stay where they are.

/** `make(item)` makes a row; `key(item)` says which item it is, `look(item)` all that its row shows. */
export function live_rows(body, {key, look, make}) {
  const known = new Map();
  return (items) => {
    const wanted = new Set(items.map(key));
    for (const [id, {row}] of known) {
      if (wanted.has(id)) continue;
      row.remove();
      known.delete(id);
    }
    let place = body.firstChild;
    for (const item of items) {
      const id = key(item);
      const text = look(item);
      const before = known.get(id);
      if (!before || before.text !== text) {
        const row = make(item);
        if (before) {
          if (place === before.row) place = row;
          replace(before.row, row);
        }
        known.set(id, {row, text});
      }
      const {row} = known.get(id);
      if (row === place) place = place.nextSibling;
      else body.insertBefore(row, place);
    }
  };
}

/** Whoever has the focus in the old row has it in the new one, if that has an element of the same id; what was opened stays open. */
function replace(old_row, new_row) {
  const details = new_row.querySelectorAll('details');
  old_row.querySelectorAll('details').forEach((one, i) => { if (details[i]) details[i].open = one.open; });
  const focused = old_row.contains(document.activeElement) ? document.activeElement.id : '';
  old_row.replaceWith(new_row);
  const again = focused && document.getElementById(focused);
  if (again) again.focus();
}
