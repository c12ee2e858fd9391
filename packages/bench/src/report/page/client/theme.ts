/** Light, dark, or as the system has it; held in memory only. */
import type { Scheme } from '../palette.ts';

export interface Theme {
  readonly scheme: Scheme;
}

export function createTheme(onChange: () => void): Theme {
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
    // A page that is loaded again may keep what was chosen before.
    if (input.checked) chosen = input.value;
    input.addEventListener('change', () => {
      chosen = input.value;
      show();
    });
  }
  document.documentElement.dataset['theme'] = theme.scheme;
  return theme;
}
