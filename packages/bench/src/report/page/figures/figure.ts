/** What a figure is: the words around it, its data as a table, and its chart, which is drawn by a server and by a browser alike. */
import type { InputHistory } from '../../../history/types.ts';
import type { Results } from '../../results.ts';
import type { Scheme } from '../palette.ts';
import type { Weights } from './cost-weights.ts';

/** An option of echarts: plain data, and functions that make text. */
export type ChartOption = Readonly<Record<string, unknown>>;

export interface View {
  readonly scheme: Scheme;
  /** px */
  readonly width: number;
  /** Index of the frame that is looked at. */
  readonly frame: number;
  readonly weights: Weights;
  /** Whether the picture stands alone in a file, so that it has to carry its title and its legend. */
  readonly isAlone: boolean;
}

export interface FigureTable {
  readonly caption: string;
  /** The first column names the row. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Figure {
  /** Name of the file, without its ending, and part of the id. */
  readonly id: string;
  readonly title: string;
  readonly formula: readonly string[];
  /** Commands that show the same, or what it is made of; a line that begins with # says which. */
  readonly commands: readonly string[];
  /** px, at a width of so many px. */
  heightAt(width: number): number;
  /**
   * `time`: over simulated time, with the zoom of all of them; `frame`: how things are at the frame looked at; `weights`:
   * depends on the reader's weights; `run`: of the run as a whole.
   */
  readonly kind: 'time' | 'frame' | 'weights' | 'run';
  /** One sentence that says what is to be seen. */
  reading(view: View): string;
  table(view: View): FigureTable;
  option(view: View): ChartOption;
}

/** What figures of runs over time are made of. */
export interface Told {
  readonly results: Results;
  readonly history: InputHistory;
  readonly folder: string;
}
