/** Charts on a canvas. */
import { TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { CHART_PARTS } from '../../chart-parts.ts';

echarts.use([...CHART_PARTS, TooltipComponent, CanvasRenderer]);

export type Chart = echarts.ECharts;

export const initChart = (element: HTMLElement): Chart => echarts.init(element, null, { renderer: 'canvas' });
