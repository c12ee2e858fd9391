// A thread of a sweep runs from the TypeScript sources, too. It registers for itself: Node 20 hands down no loaders.
import { register } from 'tsx/esm/api';

register();
const { default: runCell } = await import('../src/sweep/cell-thread.ts');

export default runCell;
