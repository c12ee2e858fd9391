// A thread of a sweep runs from the TypeScript sources, too. It registers for itself: Node 20 hands down no loaders.
import { register } from 'tsx/esm/api';

register();
const { runCell } = await import('../src/sweep/worker.ts');

export default runCell;
