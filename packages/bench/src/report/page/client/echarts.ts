/** The parts of echarts that the page's charts need, so that the others stay out of the file. */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import {
  DataZoomInsideComponent,
  GraphicComponent,
  GridComponent,
  TooltipComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { CanvasRenderer } from 'echarts/renderers';

echarts.use([
  BarChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  GraphicComponent,
  TooltipComponent,
  DataZoomInsideComponent,
  LabelLayout,
  CanvasRenderer,
]);

export type Chart = echarts.ECharts;

export const initChart = (element: HTMLElement): Chart => echarts.init(element, null, { renderer: 'canvas' });
