/** The parts of echarts that figures need, whoever draws them: the others stay out of the page. */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { DataZoomInsideComponent, GraphicComponent, GridComponent } from 'echarts/components';
import { LabelLayout } from 'echarts/features';

export const CHART_PARTS = [
  BarChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  GraphicComponent,
  DataZoomInsideComponent,
  LabelLayout,
];
