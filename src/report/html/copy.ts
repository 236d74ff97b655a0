import { el } from './dom.ts';

/** How long a button says that it has copied, in milliseconds. */
const SAID = 1600;

/** A command with a button that copies it. */
export function command(text: string): HTMLElement {
  const code = el('code', {}, text);
  const button = el(
    'button',
    {
      type: 'button',
      class: 'copy',
      onclick: async () => {
        button.textContent = (await copied(text, code)) ? 'Copied' : 'Press Ctrl+C';
        setTimeout(() => {
          button.textContent = 'Copy';
        }, SAID);
      },
    },
    'Copy',
  );
  return el('div', { class: 'command' }, code, button);
}

/** Where the clipboard is closed to a page the text is selected, for the reader to copy. */
async function copied(text: string, code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return document.execCommand('copy');
  }
}
