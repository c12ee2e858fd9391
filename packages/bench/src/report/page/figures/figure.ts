/** A figure: its words, its data as a table, and its chart. The command and the page draw the same chart. */
import type { InputHistory } from '../../../history/types.ts';
import type { PageInput } from '../page-data.ts';
import type { Scheme } from '../palette.ts';
import type { Weights } from './cost-weights.ts';

/** An option of echarts: plain data, and functions that make text. */
export type ChartOption = Readonly<Record<string, unknown>>;

export interface View {
  readonly scheme: Scheme;
  /** px */
  readonly width: number;
  /** Index of the frame that is shown. */
  readonly frame: number;
  readonly weights: Weights;
  /** Whether the picture is a file of its own, which needs a title and a legend. */
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
  /** Commands that print the same values or their source; a line that begins with # says which. */
  readonly commands: readonly string[];
  /** px */
  heightAt(width: number): number;
  /**
   * `time`: over simulated time, with a common zoom; `frame`: of the frame that is shown; `weights`: depends on the reader's
   * weights; `run`: of the whole run.
   */
  readonly kind: 'time' | 'frame' | 'weights' | 'run';
  reading(view: View): string;
  table(view: View): FigureTable;
  option(view: View): ChartOption;
}

/** An input with its event logs: the source of figures over time. */
export interface LoggedInput extends PageInput {
  readonly history: InputHistory;
}
