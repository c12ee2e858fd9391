/** Paints cells on a canvas, and later only the ones that changed. */
import { cellsOf, cornerOf, firstBlockOf, type Layout, rowLabels } from './block-map-layout.ts';
import { merged } from './block-map-looks.ts';
import { contextOf, createSprites, type MapColours } from './block-map-sprites.ts';
import { foldText } from './block-map-text.ts';

export type Painter = ReturnType<typeof createPainter>;

/** Not a look: the cell has not been painted. */
const UNPAINTED = 255;

/** Empties the canvas. */
export function createPainter(
  canvas: HTMLCanvasElement,
  layout: Layout,
  colours: MapColours,
  blockBytes: number,
) {
  canvas.width = layout.width;
  canvas.height = layout.height;
  canvas.style.width = `${layout.width / layout.scale}px`;
  canvas.style.aspectRatio = `${layout.width} / ${layout.height}`;
  const context = contextOf(canvas);
  context.fillStyle = colours.surface;
  context.fillRect(0, 0, layout.width, layout.height);
  context.font = `${LABEL_FONT * layout.scale}px ${colours.font}`;
  drawLabels();
  drawFolds();

  const sprites = createSprites(colours, layout.pitch - layout.gap, layout.scale);
  const painted = new Uint8Array(cellsOf(layout)).fill(UNPAINTED);
  return {
    paint(looks: Uint8Array) {
      for (let cell = 0; cell < painted.length; cell++) {
        const look = lookOfCell(layout, looks, cell);
        if (look === painted[cell]) continue;
        painted[cell] = look;
        const { x, y } = cornerOf(layout, cell);
        sprites.draw(context, look, x, y);
      }
    },
  };
  function drawLabels(): void {
    context.fillStyle = colours.text;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    // The first and the last label would not fit if rows are low.
    const margin = (LABEL_FONT * layout.scale) / 2;
    const end = layout.left - LABEL_SPACE * layout.scale;
    for (const { text, y } of rowLabels(layout, blockBytes)) {
      const middle = Math.max(margin, Math.min(y, layout.height - margin));
      // Narrower letters, not a cut text, if the font is wide.
      context.fillText(text, end, middle, end);
    }
  }

  function drawFolds(): void {
    const { folds, foldHeight, scale, left, width } = layout;
    context.textAlign = 'left';
    context.fillStyle = colours.text;
    context.strokeStyle = colours.line;
    context.lineWidth = Math.max(1, Math.round(scale));
    context.setLineDash([3 * scale, 3 * scale]);
    for (const { top, blocks, isHole } of folds) {
      const text = foldText(blocks, isHole, blockBytes);
      const middle = Math.round(top + foldHeight / 2) - 0.5;
      const start = left + 16 * scale;
      context.fillText(text, start, middle);
      const end = start + context.measureText(text).width + 6 * scale;
      stroke(left, start - 6 * scale, middle);
      if (end < width) stroke(end, width, middle);
    }
    context.setLineDash([]);
  }

  function stroke(from: number, to: number, y: number): void {
    context.beginPath();
    context.moveTo(from, y);
    context.lineTo(to, y);
    context.stroke();
  }
}

/** The most telling look of the blocks of a cell; none beyond the end of memory. */
function lookOfCell(layout: Layout, looks: Uint8Array, cell: number): number {
  const first = firstBlockOf(layout, cell);
  const end = Math.min(first + layout.blocksPerCell, layout.blocks);
  if (first >= end) return UNPAINTED;
  let look = looks[first];
  for (let block = first + 1; block < end; block++) look = merged(look, looks[block]);
  return look;
}

/** CSS pixels. */
const LABEL_FONT = 11;
const LABEL_SPACE = 6;
