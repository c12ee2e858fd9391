/** Light, dark, or as the system is set. It is not stored. */
import type { Scheme } from '../palette.ts';

export type Theme = ReturnType<typeof createTheme>;

export function createTheme(onChange: () => void) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let chosen = 'auto';
  const theme = {
    get scheme(): Scheme {
      return chosen === 'dark' || (chosen === 'auto' && system.matches) ? 'dark' : 'light';
    },
  };
  const show = () => {
    document.documentElement.dataset['theme'] = theme.scheme;
    onChange();
  };
  system.addEventListener('change', show);
  for (const input of document.querySelectorAll<HTMLInputElement>('.theme input')) {
    // A browser may keep the choice when it loads the page again.
    if (input.checked) chosen = input.value;
    input.addEventListener('change', () => {
      chosen = input.value;
      show();
    });
  }
  document.documentElement.dataset['theme'] = theme.scheme;
  return theme;
}
