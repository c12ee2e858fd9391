/** The slider over time and the buttons beside it. */
import type { InputHistory } from '../../../history/types.ts';
import { button, holding, make, newId } from './block-map-dom.ts';
import type { Player } from './block-map-player.ts';
import { momentText } from './block-map-text.ts';
import type { FrameClock } from './clock.ts';

export function createControls(history: InputHistory, clock: FrameClock, player: Player) {
  const last = history.frames.requests.length - 1;
  const slider = timeSlider(last, clock);
  const moment = make('output', 'block-map-moment');
  moment.htmlFor.add(slider.id);
  // A screen reader reads the slider's value; while playing it would read this text without end.
  moment.setAttribute('aria-live', 'off');

  const step = (frames: number) => () => clock.set(clock.frame + frames);
  const playing = button('Play', () => player.toggle());
  playing.classList.add('block-map-play');
  const back = button('Step back', step(-1));
  const forward = button('Step forward', step(1));
  const peak = button('To peak', () => clock.set(history.peakFrame));
  peak.title = 'To the moment with the most live memory';
  const end = button('To end', () => clock.set(last));

  const label = make('label', 'block-map-time', 'Time');
  label.htmlFor = slider.id;
  const buttons = holding('div', 'block-map-buttons', playing, back, forward, peak, end);

  return {
    element: holding('div', 'block-map-controls', label, slider, moment, buttons),
    /** Brings slider, text and buttons up to the clock and the player. */
    show() {
      const text = momentText(history, clock.frame);
      slider.value = String(clock.frame);
      slider.setAttribute('aria-valuetext', text);
      moment.textContent = text;
      playing.textContent = player.isPlaying ? 'Pause' : 'Play';
      // Not `disabled`: a button would lose the keyboard focus at the last step.
      back.setAttribute('aria-disabled', String(clock.frame === 0));
      forward.setAttribute('aria-disabled', String(clock.frame === last));
    },
  };
}

function timeSlider(last: number, clock: FrameClock): HTMLInputElement {
  const slider = make('input');
  slider.type = 'range';
  slider.id = newId();
  slider.min = '0';
  slider.max = String(last);
  slider.step = '1';
  slider.addEventListener('input', () => clock.set(slider.valueAsNumber));
  return slider;
}
