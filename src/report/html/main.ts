import type { PageData } from '../page-data.ts';
import { bytesText } from '../terminal/numbers.ts';
import { el } from './dom.ts';
import { findingsSection } from './findings.ts';
import { LayersView } from './layers-view.ts';
import { overviewSection, sharingSection, valuesSection } from './overview.ts';
import { searchTexts } from './table-rows.ts';
import { TableView } from './table-view.ts';
import { themeSwitch } from './theme.ts';
import { TreemapView } from './treemap-view.ts';

const data = JSON.parse(document.getElementById('data')?.textContent ?? '') as PageData;

const head = el(
  'header',
  { class: 'top' },
  el(
    'div',
    {},
    el('h1', {}, data.file.name, el('small', {}, bytesText(data.file.bytes))),
    el('p', { class: 'facts' }, ...data.facts.map((fact) => el('span', {}, fact))),
  ),
  themeSwitch(),
);
const main = el('main', {});
document.body.append(
  head,
  main,
  el(
    'footer',
    {},
    `ckpt-doctor ${data.version} · ${data.file.path} · nothing in the file was executed, and this page loads nothing`,
  ),
);

const sections: (HTMLElement | undefined)[] = [overviewSection(data), findingsSection(data)];
if (data.tensors.name.length > 0) {
  const texts = searchTexts(data);
  const show = (tensor: number) => {
    map.show(tensor);
    layers?.choose(tensor);
  };
  const map = new TreemapView(data, (module) => table.search(module));
  const layers = data.numbers?.count.some((count) => count > 0)
    ? new LayersView(data, data.numbers, texts, (tensor) => map.show(tensor))
    : undefined;
  const table = new TableView(data, texts, show);
  sections.push(map.element, layers?.element, table.element);
}
sections.push(sharingSection(data), valuesSection(data));
main.append(...sections.filter((each) => each !== undefined));

// on paper nothing can be opened
addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});
