/** The crosshair on a map: elements over the canvas, so that moving it paints no cell again. */
import { holding, make } from './block-map-dom.ts';
import { cellOf, cornerOf, type Layout } from './block-map-layout.ts';

export function createCursor() {
  const across = make('div', 'block-map-across');
  const down = make('div', 'block-map-down');
  const box = make('div', 'block-map-box');
  const element = holding('div', 'block-map-cursor', across, down, box);
  element.hidden = true;
  return {
    element,
    /** Puts it around the cell of a block; hides it for undefined and for a folded block. */
    show(layout: Layout, block: number | undefined) {
      const cell = block === undefined ? undefined : cellOf(layout, block);
      element.hidden = cell === undefined;
      if (cell === undefined) return;
      const { x, y } = cornerOf(layout, cell);
      const size = (layout.pitch - layout.gap) / layout.scale;
      const left = x / layout.scale;
      const top = y / layout.scale;
      box.style.transform = `translate(${left}px, ${top}px)`;
      box.style.width = `${size}px`;
      box.style.height = `${size}px`;
      across.style.transform = `translateY(${top + size / 2}px)`;
      across.style.left = `${layout.left / layout.scale}px`;
      across.style.width = `${(layout.width - layout.left) / layout.scale}px`;
      down.style.transform = `translateX(${left + size / 2}px)`;
    },
  };
}
