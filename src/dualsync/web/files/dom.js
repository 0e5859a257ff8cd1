// What the parts of the page write with. Text only, never markup: documents decide about some of it.

export const $ = (id) => document.getElementById(id);
export const put = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };

export function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// `name` tells the button from all others of the page, so that it keeps the focus when its table is drawn again.
export function actionButton(text, label, name, act) {
  const made = element("button", text, {
    type: "button", class: "btn btn-outline-secondary btn-sm ms-1", "aria-label": label, "data-action": name,
  });
  made.onclick = act;
  return made;
}

export function redraw(id, children) {
  const focused = document.activeElement?.dataset?.action;
  $(id).replaceChildren(...children);
  if (focused) document.querySelector(`[data-action="${CSS.escape(focused)}"]`)?.focus();
}
