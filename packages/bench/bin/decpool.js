#!/usr/bin/env node
// The command runs from its TypeScript sources: nothing has to be built.
import { register } from 'tsx/esm/api';

register();
await import('../src/cli/main.ts');
