import { el } from './dom.ts';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEY = 'ckpt-doctor-theme';

/** The switch between light, dark, and what the system has. The choice is kept where the browser lets a page of a file keep one. */
export function themeSwitch(): HTMLElement {
  let theme = remembered();
  const button = el('button', { type: 'button', class: 'theme', onclick: () => set(next(theme)) });
  const set = (chosen: Theme): void => {
    theme = chosen;
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = { auto: '◐ Auto', light: '○ Light', dark: '● Dark' }[theme];
    button.setAttribute('aria-label', `Theme: ${theme}; change to ${next(theme)}`);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // a page from a file may be let keep nothing
    }
  };
  set(theme);
  return button;
}

function next(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
}

function remembered(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'auto';
  } catch {
    return 'auto';
  }
}
