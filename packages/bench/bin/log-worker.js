// A thread that reads a log runs from the TypeScript sources, too. It registers for itself: Node 20 hands down no loaders.
import { register } from 'tsx/esm/api';

register();
await import('../src/log/worker.ts');
