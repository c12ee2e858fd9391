/** The palette as a style sheet, for the line samples of policies. */
import { POLICY_STYLES, policyStyle } from './palette.ts';

export const policyColours = (): string =>
  Array.from({ length: POLICY_STYLES }, (_, index) => {
    const { colour } = policyStyle(index);
    return `.p${index}{--policy:light-dark(${colour.light},${colour.dark})}`;
  }).join('\n');
