/** Colours, dashes and marks of policies, the same in every figure. Dashes and marks work without colour. */

export type Scheme = 'light' | 'dark';

/** The first is for the baseline. Each has a contrast of at least 3:1 to the background of its scheme. */
const POLICY_COLOURS: Readonly<Record<Scheme, readonly string[]>> = {
  light: ['#4b5560', '#0b63c5', '#b4500b', '#157a50', '#8b3fc9', '#bd2564', '#0d7686', '#776003'],
  dark: ['#a9b3bd', '#6fb1fc', '#f2a766', '#5ecb97', '#c39bf5', '#fa86b4', '#56c9d8', '#d7bc4f'],
};

const DASHES: readonly (readonly number[])[] = [
  [],
  [8, 3],
  [2, 2],
  [9, 3, 2, 3],
  [5, 2],
  [13, 3],
  [1, 3],
  [7, 2, 1, 2, 1, 2],
];

const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'arrow', 'pin', 'circle'] as const;

export const POLICY_STYLES = DASHES.length;

export type PolicyStyle = ReturnType<typeof policyStyle>;

/** The style of the policy at this place of the comparison. Beyond the palette, styles repeat. */
export function policyStyle(place: number) {
  const index = place < POLICY_STYLES ? place : 1 + ((place - 1) % (POLICY_STYLES - 1));
  return {
    /** Place in the palette: the class `p0` of a style sheet. */
    index,
    colour: { light: POLICY_COLOURS.light[index], dark: POLICY_COLOURS.dark[index] },
    /** On and off, in px; empty for a line without gaps. */
    dash: DASHES[index],
    symbol: SYMBOLS[index],
  };
}

/** The colours of charts, without those of policies. */
export const INK = {
  light: {
    paper: '#ffffff',
    text: '#1d2126',
    muted: '#5a636d',
    line: '#b6bcc3',
    grid: '#e9ebee',
    accent: '#0b63c5',
  },
  dark: {
    paper: '#16191d',
    text: '#e4e6e9',
    muted: '#9ca5af',
    line: '#4b535c',
    grid: '#282d33',
    accent: '#6fb1fc',
  },
} as const satisfies Readonly<Record<Scheme, unknown>>;

export type Ink = Readonly<Record<keyof (typeof INK)[Scheme], string>>;

/** For parts of a whole, as the components of a cost. They differ in grey too. */
export const PART_COLOURS: Readonly<Record<Scheme, readonly string[]>> = {
  light: ['#123a6d', '#8db7e8', '#2f7fd1', '#d3e2f4', '#7a4a12', '#e3b778', '#b9771f', '#f3e2c8', '#2f7d74'],
  dark: ['#8fc0f7', '#2c5686', '#5795d8', '#1d3a5c', '#f2c486', '#7d5420', '#cd8f3d', '#4d3717', '#6cc2b7'],
};

/** As in the style sheet. Without double quotes: echarts would put them into an attribute unescaped. */
export const FONTS =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Cantarell, 'Helvetica Neue', Arial, sans-serif";

/** A style sheet for the line samples of policies. */
export const policyColours = (): string =>
  Array.from({ length: POLICY_STYLES }, (_, index) => {
    const { colour } = policyStyle(index);
    return `.p${index}{--policy:light-dark(${colour.light},${colour.dark})}`;
  }).join('\n');
