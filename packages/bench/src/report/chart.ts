import { shortPolicyName } from '@decpool/pool/policy-names';
import type { MetricId } from '../metrics/metric.ts';
import { formatValue } from '../text/units.ts';
import { namedMetrics } from './named-metrics.ts';
import { barPanels, nameWidth } from './page/figures/axes.ts';
import { MARK } from './page/figures/shown-policies.ts';
import type { PolicyResults, Results } from './results.ts';
import { chartSvg } from './svg.ts';

/** The figures of the picture: what grouping saves, and what it costs. */
const PANELS: readonly MetricId[] = ['splits-2m', 'mixed-peak', 'host-calls', 'shared-idle-peak'];

const PANEL = 185;
/** What a panel keeps free beside its longest bar for the value. */
const VALUE = 85;
const BAR = 26;
const TITLES = 58;
const TEXT = '#1f2328';

const REFUSED_TEXT = '* refused requests: its bars are of less work';
const FOOTNOTE = 18;

export function comparisonSvg({ input, platform, memory, seeds: run, metrics, policies }: Results): string {
  const panels = namedMetrics(metrics, PANELS);
  const names = policies.map((policy) => shortPolicyName(policy.policy) + (hasRefused(policy) ? MARK : ''));
  const isIncomplete = policies.some(hasRefused);
  const labels = nameWidth(names);
  const rows = TITLES + names.length * BAR;
  const seeds = run.length === 1 ? 'one seed' : `median of ${run.length} seeds`;
  const title = (text: string, left: number, top: number, fontWeight = 'normal') => ({
    text,
    left,
    top,
    padding: 0,
    textStyle: { fontSize: 12, fontWeight, color: TEXT },
  });
  const placed = panels.map(({ id, label, unit }, panel) => ({
    label,
    left: labels + panel * PANEL,
    top: TITLES,
    width: PANEL - VALUE,
    names: {
      data: names,
      axisLine: { show: false },
      axisLabel: { show: panel === 0, color: TEXT, fontSize: 12, margin: 10 },
    },
    bars: policies.map(({ isBaseline, metrics }) => ({
      value: metrics[id].median,
      text: formatValue(metrics[id].median, unit),
      color: isBaseline ? '#8c959f' : '#0969da',
    })),
  }));
  const option = {
    animation: false,
    backgroundColor: '#ffffff',
    ...barPanels(placed, names.length * BAR, TEXT),
    title: [
      title(`${input.name} on ${platform.name}, memory ${memory}; ${seeds}; grey: the baseline`, 10, 10),
      ...(isIncomplete ? [title(REFUSED_TEXT, 10, rows + 8)] : []),
      ...placed.map(({ label, left }) => title(label, left, TITLES - 20, 'bold')),
    ],
  };
  return chartSvg(option, {
    width: labels + panels.length * PANEL,
    height: rows + 12 + (isIncomplete ? FOOTNOTE : 0),
  });
}

/** Whether a policy refused requests in any run, so that it had less to do than others. */
const hasRefused = ({ metrics }: PolicyResults): boolean => (metrics['failures']?.max ?? 0) > 0;
