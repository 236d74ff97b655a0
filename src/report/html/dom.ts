type Child = Node | string | undefined;

/** What an element is made with: attributes, and listeners under `on…`. */
export interface Properties {
  readonly [name: string]: string | number | boolean | ((event: never) => void) | undefined;
}

/**
 * Makes an element. Children that are strings become text, whatever they look like: nothing of the data is ever read as markup.
 * An attribute of `undefined` or `false` is left out.
 */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key.slice(2), value as EventListener);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Makes a shape of a drawing; an attribute of `undefined` is left out. */
export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** Buttons of which one is pressed. */
export function choice<Value extends string>(
  label: string,
  options: readonly (readonly [Value, string])[],
  chosen: Value,
  choose: (value: Value) => void,
): HTMLElement {
  const buttons = options.map(([value, text]) =>
    el(
      'button',
      {
        type: 'button',
        'data-mode': value,
        'aria-pressed': String(value === chosen),
        onclick: () => {
          for (const button of buttons)
            button.setAttribute('aria-pressed', String(button.dataset.mode === value));
          choose(value);
        },
      },
      text,
    ),
  );
  return el('div', { class: 'modes', role: 'group', 'aria-label': label }, ...buttons);
}

/** Text in which `code` stands between backticks. */
export function prose(text: string): Node[] {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? el('code', {}, part) : document.createTextNode(part)));
}

/** A section of the page with its heading. */
export function section(id: string, title: string, ...children: readonly Child[]): HTMLElement {
  return el(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    el('h2', { id: `${id}-title` }, title),
    ...children,
  );
}
