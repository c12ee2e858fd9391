/** The vertical line in charts over time at the moment of the block map. A click in a chart moves it. */
import { timeScale } from '../figures/axes.ts';
import { frameAt } from '../figures/over-time.ts';
import type { Mounted } from './charts.ts';
import type { FrameClock } from './clock.ts';

export function createMarkers(times: readonly number[], clock: FrameClock) {
  const { divisor } = timeScale(times[times.length - 1]);
  const marked: { readonly mounted: Mounted; readonly line: HTMLElement }[] = [];

  const placeOne = ({ mounted: { chart, element }, line }: (typeof marked)[number]) => {
    const at = [times[clock.frame] / divisor, 0];
    const [x] = chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, at);
    line.hidden = !chart.containPixel({ gridIndex: 0 }, [x, element.clientHeight / 2]);
    line.style.transform = `translateX(${Math.round(x)}px)`;
  };
  const place = (mounted?: Mounted) => {
    for (const each of marked) {
      if (mounted !== undefined && each.mounted !== mounted) continue;
      if (each.mounted.element.clientWidth > 0) placeOne(each);
    }
  };
  clock.subscribe(() => place());

  return {
    /** Moves the line of one chart, or of all, to the moment. */
    place,
    attach(mounted: Mounted) {
      const line = document.createElement('div');
      line.className = 'marker';
      mounted.element.append(line);
      line.hidden = true;
      marked.push({ mounted, line });
      mounted.chart.getZr().on('click', ({ offsetX, offsetY }) => {
        // A click beside the plot has no time.
        if (!mounted.chart.containPixel({ gridIndex: 0 }, [offsetX, offsetY])) return;
        const [time] = mounted.chart.convertFromPixel({ xAxisIndex: 0, yAxisIndex: 0 }, [offsetX, offsetY]);
        clock.set(frameAt(times, time * divisor));
      });
    },
  };
}
